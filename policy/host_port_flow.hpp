// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/evaluate.hpp"

#include <optional>

namespace kpol::policy {

// Translates a flow to a host port of this node into the flow to the pod, to which policies apply.
// Returns nullopt if `flow` is for no host port. Independent of compile(), as evaluate() is. The
// node's addresses are Snapshot::nodeIps, and for a port without a hostIP Snapshot::hostPortIps;
// host ports on loopback addresses are not covered.
std::optional<Flow> throughHostPorts(const Snapshot& snapshot, const Flow& flow);

}  // namespace kpol::policy
