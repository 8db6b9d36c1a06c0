// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/denied_packets.hpp"
#include "controller/exposition.hpp"
#include "controller/node_state.hpp"
#include "controller/pod_start.hpp"

#include <cstdint>
#include <string>

namespace kpol::controller {

// What Prometheus is told; docs/metrics.md lists all of it. Most of it is counted where it happens;
// the kernel's counters and the leases are read when asked for, and where they cannot be read their
// families are without samples.
class Metrics {
 public:
  // All outlive this object.
  Metrics(const NodeState& state, const PodStart& podStart, std::string stateDir)
      : state_(state), podStart_(podStart), stateDir_(std::move(stateDir)) {}

  // The Prometheus text format, version 0.0.4.
  [[nodiscard]] std::string text();

 private:
  void addState(Exposition& exposition) const;
  void addTable(Exposition& exposition) const;
  void addCommits(Exposition& exposition) const;
  void addPods(Exposition& exposition) const;
  void addNetwork(Exposition& exposition) const;
  void addDenied(Exposition& exposition);
  void addAddresses(Exposition& exposition);

  const NodeState& state_;
  const PodStart& podStart_;
  std::string stateDir_;
  DeniedPackets denied_;
  struct Unreadable {  // how often
    std::uint64_t counters = 0;
    std::uint64_t leases = 0;
  };
  Unreadable unreadable_;
};

}  // namespace kpol::controller
