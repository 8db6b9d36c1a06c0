// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"
#include "controller/reconcile_loop.hpp"
#include "controller/store.hpp"
#include "policy/diagnostic.hpp"

#include <set>
#include <string>
#include <vector>

namespace kpol::controller {

// The bridges whose ports include pods of `store`, if packets between ports of a bridge do not pass
// the IP hooks, so that policies do not apply to them. Empty if br_netfilter passes packets of both
// families (net.bridge.bridge-nf-call-*). Throws netlink::Error.
std::set<std::string> unfilteredBridges(const Store& store);

// Pods on interfaces that kpol did not create, and what policies cannot do for them: pods without
// an attachment (Store::unattached()), and unfilteredBridges(). Sorted; at most kMostNamedPods pods
// are named. Reads the node's sysctls and links at each call, if there are such pods. An error is
// one of the warnings.
std::vector<policy::Diagnostic> thirdPartyPodDiagnostics(const Store& store);
inline constexpr std::size_t kMostNamedPods = 20;

// Logs these warnings when they appear and disappear.
class ThirdPartyPods {
 public:
  // Both outlive this object.
  ThirdPartyPods(const Store& store, ReconcileLoop& loop) : store_(store), loop_(loop) {}

  // Starts after kpold's first commit and runs until cancelled. Checks again after a commit (at
  // most every second) and at least every 30 s, because sysctls change without notification.
  base::Task<> run();

 private:
  void look();

  const Store& store_;
  ReconcileLoop& loop_;
  std::vector<policy::Diagnostic> known_;
};

}  // namespace kpol::controller
