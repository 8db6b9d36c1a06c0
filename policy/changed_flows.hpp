// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "policy/objects.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <vector>

// Which established flows a change of the objects concerns. Pure.
namespace kpol::policy {

// What a change does to the flows of one address in one direction. Both may be true: a change may
// forbid some flows and allow others. May be true without need, never false against the facts.
struct FlowEffect {
  bool tightens = false;  // may forbid a flow that was allowed
  bool loosens = false;   // may allow a flow that was forbidden
  bool operator==(const FlowEffect&) const = default;
  FlowEffect& operator|=(const FlowEffect& other);
  [[nodiscard]] bool any() const { return tightens || loosens; }
};
inline constexpr FlowEffect kTightens{true, false};
inline constexpr FlowEffect kLoosens{false, true};
inline constexpr FlowEffect kTightensAndLoosens{true, true};

// The addresses whose flows must be evaluated again, because a change may have altered the verdict.
// Addresses are those that policies are evaluated for: the source that opens the flow, and the
// destination after destination NAT. Contains at most kMostAddresses; more become `all`.
class ChangedFlows {
 public:
  static constexpr std::size_t kMostAddresses = 4096;
  // By Direction: the flows that the address receives (Ingress) and those it opens (Egress).
  using Effects = std::array<FlowEffect, 2>;

  void add(const base::IpAddress& address, Direction direction, FlowEffect effect);
  void add(const base::IpAddress& address, FlowEffect effect);  // in both directions
  void add(const ChangedFlows& other);
  void addAll();

  [[nodiscard]] bool empty() const { return addresses_.empty() && !all_; }
  // All flows are concerned, and addresses() is empty.
  [[nodiscard]] bool all() const { return all_; }
  [[nodiscard]] const std::map<base::IpAddress, Effects>& addresses() const { return addresses_; }
  // The effect on the flow from `source` to `destination`.
  [[nodiscard]] FlowEffect on(const base::IpAddress& source,
                              const base::IpAddress& destination) const;

 private:
  std::map<base::IpAddress, Effects> addresses_;
  bool all_ = false;
};

// One policy, before and after its change, for one pod and direction.
struct PolicyChange {
  // Its rules; null: it did not exist, did not select the pod or did not isolate it.
  const std::vector<PolicyRule>* before = nullptr;
  const std::vector<PolicyRule>* after = nullptr;
  bool othersIsolate = false;  // other policies isolate the pod, before and after
};
FlowEffect effectOf(const PolicyChange& change);

// The policies that isolate one pod in one direction, before and after a change of the pod. Both
// are sorted by key, and policies of one key have the same content.
FlowEffect effectOf(const std::vector<const NetworkPolicy*>& before,
                    const std::vector<const NetworkPolicy*>& after);

}  // namespace kpol::policy
