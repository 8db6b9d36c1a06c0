// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/exposition.hpp"

#include <chrono>

namespace kpol::controller {

// Adds the process_* metrics that all Prometheus clients have. A value that the kernel does not
// provide has no sample.
void addProcess(std::chrono::system_clock::time_point startedAt, Exposition& exposition);

}  // namespace kpol::controller
