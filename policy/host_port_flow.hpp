// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/evaluate.hpp"

#include <optional>

namespace kpol::policy {

// What `flow` becomes where a host port of this node leads it to a pod, as which it is judged;
// nothing: it is for no host port. Written from the meaning, as evaluate() is. Addresses of the
// node are Snapshot::nodeIps; loopback addresses are left out.
std::optional<Flow> throughHostPorts(const Snapshot& snapshot, const Flow& flow);

}  // namespace kpol::policy
