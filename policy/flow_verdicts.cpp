// SPDX-License-Identifier: Apache-2.0
#include "policy/flow_verdicts.hpp"

#include <algorithm>

namespace kpol::policy {
namespace {

// Limit the memory for what is cached between two calls of refresh().
constexpr std::size_t kMostVerdicts = 16384;
constexpr std::size_t kMostPolicies = 10000;

bool isLoopback(const base::IpAddress& address) {
  static const auto kLoopback6 = *base::IpAddress::parse("::1");
  return address.isV4() ? address.bytes()[0] == 127 : address == kLoopback6;
}

// A side has only these, because a copy of all for each would be large.
std::vector<NodeTunnel> tunnelsAt(const NodeNetwork& network, const base::IpAddress& address) {
  std::vector<NodeTunnel> found;
  for (const auto& one : network.tunnels)
    if (one.tunnel == address) found.push_back(one);
  return found;
}

// Inserts the object at its place in the order of `key`.
template <class Object, class Key>
void insert(std::vector<Object>& objects, Object object, Key key) {
  const auto place = std::find_if(objects.begin(), objects.end(),
                                  [&](const Object& known) { return known.*key > object.*key; });
  objects.insert(place, std::move(object));
}

}  // namespace

void FlowVerdicts::refresh() {
  endpoints_.clear();
  for (const auto& endpoint : engine_.endpoints())
    for (const auto& ip : endpoint.ips) endpoints_.try_emplace(ip, endpoint.pod);
  forgetSides();
  verdicts_.clear();
}

void FlowVerdicts::forgetSides() {
  for (auto& sides : sides_) sides.clear();
  policies_ = 0;
}

bool FlowVerdicts::allows(const Flow& flow) {
  const auto known = verdicts_.find(flow);
  if (known != verdicts_.end()) return known->second;
  if (verdicts_.size() >= kMostVerdicts) verdicts_.clear();
  const bool allowed = evaluateFlow(flow);
  verdicts_.emplace(flow, allowed);
  return allowed;
}

bool FlowVerdicts::evaluateFlow(const Flow& flow) {
  if (isLoopback(flow.source)) return true;
  return (!endpoints_.contains(flow.source) || allowsSide(flow, Direction::Egress)) &&
         (!endpoints_.contains(flow.destination) || allowsSide(flow, Direction::Ingress));
}

// Evaluates the flow for the pod at one end, as if only that pod were local.
bool FlowVerdicts::allowsSide(const Flow& flow, Direction direction) {
  const bool egress = direction == Direction::Egress;
  const auto pod = engine_.localPodAt(egress ? flow.source : flow.destination);
  if (!pod) return false;  // an interface whose pod is unknown or has no pod network
  auto& side = sideOf(*pod, direction);
  const auto& peerAddress = egress ? flow.destination : flow.source;
  side.network.tunnels = tunnelsAt(engine_.network(), peerAddress);
  const auto peerKey = engine_.podAt(peerAddress);
  auto peer = peerKey && *peerKey != *pod ? engine_.findPod(*peerKey) : std::nullopt;
  if (!peer) return nodeAllows(side, flow);
  // The address is the peer's even if its status does not say so yet.
  peer->ips = {peerAddress};
  auto peerNs = peer->key.ns != pod->ns ? engine_.findNamespace(peer->key.ns) : std::nullopt;
  insert(side.pods, std::move(*peer), &Pod::key);
  if (peerNs) insert(side.namespaces, std::move(*peerNs), &Namespace::name);
  const bool allowed = nodeAllows(side, flow);
  std::erase_if(side.pods, [&](const Pod& one) { return one.key != *pod; });
  std::erase_if(side.namespaces, [&](const Namespace& one) { return one.name != pod->ns; });
  return allowed;
}

Snapshot& FlowVerdicts::sideOf(const base::ObjectKey& pod, Direction direction) {
  if (policies_ > kMostPolicies) forgetSides();
  const auto [place, isNew] = sides_.at(static_cast<std::size_t>(direction)).try_emplace(pod);
  auto& side = place->second;
  if (!isNew) return side;
  if (auto object = engine_.findPod(pod)) side.pods.push_back(std::move(*object));
  if (auto ns = engine_.findNamespace(pod.ns)) side.namespaces.push_back(std::move(*ns));
  side.endpoints = engine_.endpointsOf(pod);
  side.policies = engine_.effectivePolicies(pod, direction);
  policies_ += side.policies.size();
  side.nodeIps = engine_.nodeIps();
  side.podToNode = engine_.settings().podToNode;
  if (direction == Direction::Egress) side.metadataGuard = engine_.settings().metadataGuard;
  return side;
}

}  // namespace kpol::policy
