// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"
#include "controller/reconcile_loop.hpp"
#include "controller/store.hpp"
#include "node/host_firewall.hpp"

#include <string>
#include <vector>

namespace kpol::controller {

// Looks whether other filters of the node drop what pods send and receive, at start and every half
// minute, and says in the log what has come and gone.
class HostFirewalls {
 public:
  // Both outlive this object.
  HostFirewalls(std::string nodeName, const Store& store, ReconcileLoop& loop)
      : nodeName_(std::move(nodeName)), store_(store), loop_(loop) {}

  // Begins when kpold's first commit is through. Until cancelled.
  base::Task<> run();

  // Those there are now, sorted.
  [[nodiscard]] const std::vector<node::FirewallFinding>& findings() const { return findings_; }
  // Why it is not known whether there are any; empty: it is.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  void look();
  void report(const std::vector<node::FirewallFinding>& found) const;

  std::string nodeName_;
  const Store& store_;
  ReconcileLoop& loop_;
  std::vector<node::FirewallFinding> findings_;
  std::string trouble_;
};

}  // namespace kpol::controller
