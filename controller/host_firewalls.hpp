// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"
#include "controller/reconcile_loop.hpp"
#include "controller/store.hpp"
#include "node/host_firewall.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kpol::controller {

// Checks whether other packet filters of the node drop pods' packets or VXLAN packets, after
// kpold's first commit and then every 30 s. Logs findings that appear and disappear.
class HostFirewalls {
 public:
  using Vxlan = std::function<std::optional<node::VxlanPackets>()>;
  // `store` and `loop` outlive this object. `vxlan` returns the packets that other nodes send now.
  HostFirewalls(std::string nodeName, const Store& store, ReconcileLoop& loop, Vxlan vxlan)
      : nodeName_(std::move(nodeName)), store_(store), loop_(loop), vxlan_(std::move(vxlan)) {}

  // Starts after kpold's first commit and runs until cancelled.
  base::Task<> run();

  // The current findings, sorted.
  [[nodiscard]] const std::vector<node::FirewallFinding>& findings() const { return findings_; }
  // Why the filters could not be read; empty if they were.
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  void look();
  void report(const std::vector<node::FirewallFinding>& found) const;

  std::string nodeName_;
  const Store& store_;
  ReconcileLoop& loop_;
  Vxlan vxlan_;
  std::vector<node::FirewallFinding> findings_;
  std::string trouble_;
};

}  // namespace kpol::controller
