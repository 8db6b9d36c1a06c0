// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"

#include <functional>
#include <string>

namespace kpol::base {

// Runs `run` until it returns. When it fails (base::Error or boost::system::system_error) that is
// logged once and it is run again after a wait that grows from 100 ms to 30 s. Cancellation and any
// other exception (a bug) pass through.
Task<> supervise(std::string name, std::function<Task<>()> run);

}  // namespace kpol::base
