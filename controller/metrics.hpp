// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/denied_packets.hpp"
#include "controller/exposition.hpp"
#include "controller/node_state.hpp"
#include "controller/pod_start.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace kpol::controller {

// The Prometheus metrics, listed in docs/metrics.md. Most of them are counted where they occur. The
// kernel's counters and the leases are read when the text is made; if they cannot be read, their
// families have no samples.
class Metrics {
 public:
  // All arguments outlive this object.
  Metrics(const NodeState& state, const PodStart& podStart, std::string stateDir)
      : state_(state), podStart_(podStart), stateDir_(std::move(stateDir)) {}

  // The metrics in the Prometheus text format, version 0.0.4, made at most a second before `now`.
  [[nodiscard]] const std::string& text(std::chrono::steady_clock::time_point now);

 private:
  std::string make();
  void addState(Exposition& exposition) const;
  void addTable(Exposition& exposition) const;
  void addCommits(Exposition& exposition) const;
  void addEstablished(Exposition& exposition) const;
  void addPods(Exposition& exposition);
  void addNetwork(Exposition& exposition) const;
  void addDenied(Exposition& exposition);
  void addAddresses(Exposition& exposition);

  const NodeState& state_;
  const PodStart& podStart_;
  std::string stateDir_;
  DeniedPackets denied_;
  struct Unreadable {  // number of failed reads
    std::uint64_t bridges = 0;
    std::uint64_t counters = 0;
    std::uint64_t leases = 0;
  };
  Unreadable unreadable_;
  std::string text_;
  std::optional<std::chrono::steady_clock::time_point> madeAt_;
};

}  // namespace kpol::controller
