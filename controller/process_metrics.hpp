// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/exposition.hpp"

#include <chrono>

namespace kpol::controller {

// The process_* metrics that every Prometheus client has. What the kernel does not tell is left
// without a sample.
void addProcess(std::chrono::system_clock::time_point startedAt, Exposition& exposition);

}  // namespace kpol::controller
