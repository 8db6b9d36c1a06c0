// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "controller/store.hpp"
#include "node/kernel_network.hpp"
#include "node/plan.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace kpol::controller {

// Keeps the way to the pods of other nodes: as Nodes come, go and change, as this node's links,
// addresses and routes change, and when somebody undoes it (told by the kernel, not looked for).
// Before the source was read once the kernel is left alone. One thread; the kernel is asked for as
// long as it takes, a few microseconds a route.
class NodeNetwork {
 public:
  struct Options {
    node::Settings settings;
    bool masquerade = false;
    std::vector<base::Prefix> nonMasqueradeCidrs;
  };
  // `store` outlives this object, and is told what the table has to know of the network. `changed`
  // is called when what others read here may be another.
  NodeNetwork(Options options, Store& store, std::function<void()> changed)
      : options_(std::move(options)),
        settings_(options_.settings),
        store_(store),
        changed_(std::move(changed)) {}
  NodeNetwork(const NodeNetwork&) = delete;
  NodeNetwork& operator=(const NodeNetwork&) = delete;

  // Two that run side by side until cancelled: what keeps the kernel, and what hears of its
  // changes. Each throws what ends it, after which it may be run again.
  base::Task<> run();
  base::Task<> watch();

  // Whoever changed the store calls this. The first time that the source was read the network is
  // made at once, so that the first commit finds the store complete.
  void objectsChanged();

  [[nodiscard]] const node::Settings& settings() const { return settings_; }
  [[nodiscard]] const node::Plan& plan() const { return plan_; }
  // Of pods' interfaces; 0: the plugin chooses. Nothing: not known yet.
  [[nodiscard]] std::optional<std::uint32_t> podMtu() const;

  struct Counters {
    std::uint64_t changes = 0;  // made in the kernel
    std::uint64_t repairs = 0;  // rounds that put back what somebody else had changed
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }
  // What the plan cannot do, and what of it the kernel refused last.
  [[nodiscard]] std::vector<policy::Diagnostic> diagnostics() const;

 private:
  [[nodiscard]] bool isDue() const;
  void round();
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
  base::Event wake_;
  node::KernelNetwork kernel_;
  bool doubtful_ = true;                  // the kernel may not be as remembered
  std::optional<std::uint64_t> planned_;  // for this generation of nodes
  node::Plan plan_;
  std::vector<std::string> failures_;
  std::optional<base::Event::Time> retryAt_;
  unsigned failedRounds_ = 0;
  Counters counters_;
};

}  // namespace kpol::controller
