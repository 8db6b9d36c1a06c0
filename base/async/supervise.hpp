// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"

#include <functional>
#include <string>

namespace kpol::base {

// Runs `run` until it returns. If it throws a std::exception, logs the error and runs it again
// after a wait that grows from 100 ms to 30 s and starts over after a run of more than a minute.
// Cancellation (operation_aborted) and asio::multiple_exceptions pass through.
Task<> supervise(std::string name, std::function<Task<>()> run);

}  // namespace kpol::base
