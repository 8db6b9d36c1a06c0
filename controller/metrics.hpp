// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/node_state.hpp"

#include <string>

namespace kpol::controller {

// The Prometheus text format, version 0.0.4.
std::string metricsText(const NodeState& state);

}  // namespace kpol::controller
