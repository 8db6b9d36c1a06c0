// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/snapshot.hpp"

#include <string>
#include <vector>

// NetworkPolicy as text for people, and which pods it selects. Pure.
namespace kpol::controller {

// "pods app=web", "all pods in namespaces team=a", "10.0.0.0/8 except 10.1.0.0/16".
std::string inWords(const policy::Peer& peer);
// "TCP 80", "UDP 8000-8999", "TCP port named http", "any TCP port".
std::string inWords(const policy::PolicyPort& port);
// One text for each peer or port; "anywhere" or "any port" if the rule has none.
std::vector<std::string> peersInWords(const policy::PolicyRule& rule);
std::vector<std::string> portsInWords(const policy::PolicyRule& rule);

// Whether `policy` selects `pod`, whichever directions it isolates.
bool selects(const policy::NetworkPolicy& policy, const policy::Pod& pod);
// The policies that isolate `pod` in `direction`, sorted.
std::vector<base::ObjectKey> isolatingPolicies(const policy::Snapshot& snapshot,
                                               const policy::Pod& pod, policy::Direction direction);
// Whether `pod` has an interface on this node.
bool isLocal(const policy::Snapshot& snapshot, const base::ObjectKey& pod);

}  // namespace kpol::controller
