// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/changed_flows.hpp"
#include "policy/cluster.hpp"
#include "policy/local_pods.hpp"

#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace kpol::policy {

// Records which flows the engine's events concern, event by event: a flow that is forbidden at the
// end and was allowed at the beginning was forbidden by one of the events between. Private to the
// engine.
class FlowRecorder {
 public:
  // The arguments must outlive this object.
  FlowRecorder(const Cluster& cluster, const LocalPods& locals)
      : cluster_(cluster), locals_(locals) {}

  // A policy is about to change. Null: it does not exist before or after.
  void policyChanges(const NetworkPolicy* before, const NetworkPolicy* after);

  // The properties of a local pod on which its own flows depend. Valid until a policy changes.
  struct PodState {
    bool hasPodNetwork = false;
    std::vector<base::IpAddress> claims;
    std::vector<ContainerPort> ports;
    std::array<std::vector<const NetworkPolicy*>, 2> policies;  // that isolate it, by direction
    bool operator==(const PodState&) const = default;
  };
  [[nodiscard]] PodState stateOf(const base::ObjectKey& pod) const;
  // The pod was in the state `before`.
  void podChanged(const base::ObjectKey& pod, const PodState& before);

  // The address joined (kLoosens) or left (kTightens) a peer set.
  void peerChanged(const base::IpAddress& address, FlowEffect effect) {
    changed_.add(address, effect);
  }
  // Anything about these flows may have changed: those of one local pod, of one direction of a pod,
  // of the pods of a namespace, or of all local pods.
  void podConcerned(const base::ObjectKey& pod);
  void podConcerned(const base::ObjectKey& pod, Direction direction, FlowEffect effect);
  void namespaceConcerned(const std::string& ns, Direction direction);
  void allPodsConcerned();

  ChangedFlows take() { return std::exchange(changed_, {}); }

 private:
  [[nodiscard]] FlowEffect effectOn(const PodRecord& pod, const NetworkPolicy* before,
                                    const NetworkPolicy* after, Direction direction) const;

  const Cluster& cluster_;
  const LocalPods& locals_;
  ChangedFlows changed_;
};

}  // namespace kpol::policy
