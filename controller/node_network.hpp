// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "controller/store.hpp"
#include "node/host_firewall.hpp"
#include "node/kernel_network.hpp"
#include "node/plan.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kpol::controller {

// Keeps the routes to the pods of other nodes up to date when Nodes change, when this node's links,
// addresses and routes change, and when another program removes a route. The kernel reports such
// changes by netlink; they are not polled. Changes nothing in the kernel before the source was read
// once. One thread; netlink requests block it, for a few microseconds per route.
class NodeNetwork {
 public:
  struct Options {
    node::Settings settings;
    bool masquerade = false;
    std::vector<base::Prefix> nonMasqueradeCidrs;
    bool checkPodAddresses = false;
  };
  // `store` outlives this object and receives what the table must contain about the network.
  // `changed` is called when the values that this object returns may have changed.
  NodeNetwork(Options options, Store& store, std::function<void()> changed)
      : options_(std::move(options)),
        settings_(options_.settings),
        store_(store),
        changed_(std::move(changed)) {}
  NodeNetwork(const NodeNetwork&) = delete;
  NodeNetwork& operator=(const NodeNetwork&) = delete;

  // `observer` is called with every change of links, addresses, routes and neighbours, and with
  // Overflow if changes may have been missed.
  void observe(std::function<void(const netlink::RouteEvent&)> observer) {
    observer_ = std::move(observer);
  }

  // run() updates the kernel and watch() receives its notifications. Both run concurrently until
  // cancelled. If one throws, it may be called again.
  base::Task<> run();
  base::Task<> watch();

  // Call this after every change of the store. When the source has been read for the first time,
  // the network is set up at once, so that the first commit finds the store complete.
  void objectsChanged();

  [[nodiscard]] const node::Settings& settings() const { return settings_; }
  [[nodiscard]] const node::Plan& plan() const { return plan_; }
  // The MTU of pod interfaces. 0: the plugin chooses. nullopt: not known yet.
  [[nodiscard]] std::optional<std::uint32_t> podMtu() const;

  // What other nodes send to this one; nullopt: there is no VXLAN device.
  [[nodiscard]] std::optional<node::VxlanPackets> vxlanPackets() const;

  struct Counters {
    std::uint64_t changes = 0;  // made in the kernel
    std::uint64_t repairs = 0;  // rounds that repaired third-party changes
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }
  // What the plan cannot do, and the changes that the kernel rejected in the last round.
  [[nodiscard]] std::vector<policy::Diagnostic> diagnostics() const;

 private:
  [[nodiscard]] bool isDue() const;
  void round();
  void adoptDevice();
  [[nodiscard]] policy::NodeNetwork forTable() const;
  struct Round {
    base::Event::Time start;
    bool isRepair = false;
  };
  void report(const node::KernelNetwork::Outcome& outcome, Round round);

  Options options_;
  const node::Settings& settings_;
  Store& store_;
  std::function<void()> changed_;
  std::function<void(const netlink::RouteEvent&)> observer_ = [](const auto&) {};
  base::Event wake_;
  node::KernelNetwork kernel_;
  bool doubtful_ = true;                  // the kernel may differ from memory
  std::optional<std::uint64_t> planned_;  // the generation of nodes that plan_ is for
  node::Plan plan_;
  std::vector<std::string> failures_;
  std::optional<base::Event::Time> retryAt_;
  unsigned failedRounds_ = 0;
  Counters counters_;
};

}  // namespace kpol::controller
