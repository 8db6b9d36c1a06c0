// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/snapshot.hpp"
#include "tests/support/node.hpp"
#include "tests/support/policy_cases.hpp"
#include "tests/support/prober.hpp"

#include <set>
#include <string>
#include <vector>

namespace kpol::test {

// A node with kpold whose pods are added and deleted by the plugin on request, and endpoints beyond
// it: the node itself, another node, and a host outside the cluster.
class CaseNode {
 public:
  explicit CaseNode(policy::PodToNode podToNode);

  // Brings `policyCase` into kpold and the kernel, and returns the addresses. Pods that the
  // previous case also had are kept.
  Setting realise(const PolicyCase& policyCase);
  // Whether its objects can be written as manifests: the reader rejects what the API server would
  // reject, but a stored object may still have it.
  static bool isWritable(const PolicyCase& policyCase);

  // What each flow does between places (Place texts), by real packets.
  std::vector<Reach> reach(const std::vector<Attempt>& attempts,
                           const std::vector<bool>& expected) {
    return prober_.run(attempts, expected);
  }
  Node& node() { return node_; }

 private:
  void addPlaces();
  void matchSandboxes(const std::set<base::ObjectKey>& wanted);
  void writeObjects(const policy::Snapshot& snapshot) const;

  Node node_;
  Prober prober_;
  std::set<base::ObjectKey> pods_;
};

NodeOptions optionsFor(policy::PodToNode podToNode);

}  // namespace kpol::test
