// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/evaluate.hpp"
#include "policy/snapshot.hpp"

#include <functional>
#include <string>

namespace kpol::test {

// Whether a property fails for a snapshot.
using Fails = std::function<bool(const policy::Snapshot&)>;

// Returns a smaller snapshot for which `fails` is still true, as for `snapshot`: deletes policies,
// pods, endpoints, namespaces, rules, peers, ports, excepts, selector requirements and labels one
// by one as long as possible. `fails` is called some hundred times.
policy::Snapshot shrink(policy::Snapshot snapshot, const Fails& fails);

// One line an object, for failure messages; long names are cut in the middle.
std::string describe(const policy::Snapshot& snapshot);
// "10.0.0.1 -> 10.0.0.2 TCP 80".
std::string describe(const policy::Flow& flow);

}  // namespace kpol::test
