// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"

#include <functional>
#include <string>

namespace kpol::base {

// Runs `run` until it returns. If it throws a std::exception, including one that is a bug such as
// std::logic_error, logs the error and runs it again after a wait. The wait grows from 100 ms to
// 30 s and starts again at 100 ms after a run of more than a minute. Rethrows cancellation
// (boost::system::system_error with operation_aborted), asio::multiple_exceptions, and exceptions
// that are not a std::exception.
Task<> supervise(std::string name, std::function<Task<>()> run);

}  // namespace kpol::base
