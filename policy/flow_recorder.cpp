// SPDX-License-Identifier: Apache-2.0
#include "policy/flow_recorder.hpp"

#include "policy/selector.hpp"

#include <algorithm>

namespace kpol::policy {
namespace {

constexpr std::array kDirections{Direction::Ingress, Direction::Egress};

// Returns the rules of `policy` if it isolates the pod in this direction, else null.
const std::vector<PolicyRule>* rulesFor(const PodRecord& pod, const NetworkPolicy* policy,
                                        Direction direction) {
  const bool applies = policy != nullptr && isolates(*policy, direction) &&
                       matches(policy->podSelector, *pod.labels);
  return applies ? &policy->rules(direction) : nullptr;
}

}  // namespace

// ---- policies

FlowEffect FlowRecorder::effectOn(const PodRecord& pod, const NetworkPolicy* before,
                                  const NetworkPolicy* after, Direction direction) const {
  PolicyChange change{rulesFor(pod, before, direction), rulesFor(pod, after, direction), false};
  if (change.before == nullptr && change.after == nullptr) return {};
  const auto& key = before != nullptr ? before->key : after->key;
  const auto selecting = locals_.policiesFor(pod);
  change.othersIsolate = std::any_of(selecting.begin(), selecting.end(), [&](const auto* other) {
    return other->key != key && isolates(*other, direction);
  });
  return effectOf(change);
}

void FlowRecorder::policyChanges(const NetworkPolicy* before, const NetworkPolicy* after) {
  const auto& ns = before != nullptr ? before->key.ns : after->key.ns;
  for (const auto& pod : locals_.podsIn(ns)) {
    const auto* record = cluster_.findPod(pod);
    if (record == nullptr) continue;
    for (const auto direction : kDirections)
      podConcerned(pod, direction, effectOn(*record, before, after, direction));
  }
}

// ---- pods

FlowRecorder::PodState FlowRecorder::stateOf(const base::ObjectKey& pod) const {
  PodState state;
  const auto* record = cluster_.findPod(pod);
  if (record == nullptr || !locals_.addressesOf(pod)) return state;
  state.hasPodNetwork = record->hasPodNetwork();
  state.claims = record->claims();
  state.ports = *record->ports;
  for (const auto* policy : locals_.policiesFor(*record))
    for (const auto direction : kDirections)
      if (isolates(*policy, direction))
        state.policies.at(static_cast<std::size_t>(direction)).push_back(policy);
  return state;
}

void FlowRecorder::podChanged(const base::ObjectKey& pod, const PodState& before) {
  if (!locals_.addressesOf(pod)) return;
  const auto after = stateOf(pod);
  if (after == before) return;
  if (after.hasPodNetwork != before.hasPodNetwork || after.claims != before.claims)
    return podConcerned(pod);
  // Named ports of its policies.
  if (after.ports != before.ports) podConcerned(pod, Direction::Ingress, kTightensAndLoosens);
  for (const auto direction : kDirections) {
    const auto place = static_cast<std::size_t>(direction);
    const auto& was = before.policies.at(place);
    const auto& is = after.policies.at(place);
    podConcerned(pod, direction, effectOf(was, is));
  }
}

void FlowRecorder::podConcerned(const base::ObjectKey& pod, Direction direction,
                                FlowEffect effect) {
  const auto addresses = locals_.addressesOf(pod);
  if (!addresses) return;
  for (const auto& address : *addresses) changed_.add(address, direction, effect);
}

void FlowRecorder::podConcerned(const base::ObjectKey& pod) {
  for (const auto direction : kDirections) podConcerned(pod, direction, kTightensAndLoosens);
}

void FlowRecorder::namespaceConcerned(const std::string& ns, Direction direction) {
  for (const auto& pod : locals_.podsIn(ns)) podConcerned(pod, direction, kTightensAndLoosens);
}

void FlowRecorder::allPodsConcerned() {
  for (const auto& endpoint : locals_.endpoints())
    for (const auto& address : endpoint.ips) changed_.add(address, kTightensAndLoosens);
}

}  // namespace kpol::policy
