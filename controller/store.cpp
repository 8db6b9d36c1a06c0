// SPDX-License-Identifier: Apache-2.0
#include "controller/store.hpp"

#include <algorithm>

namespace kpol::controller {
namespace {

bool shareAHostPort(const conf::Attachment& a, const conf::Attachment& b) {
  return std::any_of(a.hostPorts.begin(), a.hostPorts.end(), [&](const base::HostPort& port) {
    return std::any_of(b.hostPorts.begin(), b.hostPorts.end(),
                       [&](const base::HostPort& other) { return overlap(port, other); });
  });
}

bool shareAnAddress(const conf::Attachment& a, const conf::Attachment& b) {
  return std::any_of(a.ips.begin(), a.ips.end(), [&](const base::IpAddress& ip) {
    return std::binary_search(b.ips.begin(), b.ips.end(), ip);
  });
}

}  // namespace

bool isOf(const conf::Attachment& attachment, const policy::Pod& pod) {
  if (attachment.pod != pod.key) return false;
  return attachment.podUid.empty() || pod.uid.empty() || attachment.podUid == pod.uid;
}

policy::Endpoint endpointOf(const conf::Attachment& attachment) {
  return {attachment.pod, attachment.hostInterface, attachment.ips, attachment.hostPorts};
}

void Store::apply(const kube::WatchEvent& event) {
  const bool deleted = event.type == kube::WatchEvent::Type::Deleted;
  std::visit([&](const auto& object) { apply(object, deleted); }, event.object);
}

void Store::apply(const policy::Namespace& ns, bool deleted) {
  changedIf(deleted ? engine_.removeNamespace(ns.name) : engine_.put(ns));
  applyPosture(ns.name);
}

void Store::apply(const policy::Node& node, bool deleted) {
  if (deleted) {
    if (nodes_.erase(node.name) == 0) return;
  } else {
    const auto [place, isNew] = nodes_.try_emplace(node.name, node);
    if (!isNew && place->second == node) return;
    place->second = node;
  }
  ++nodesGeneration_;
  changedIf(true);
}

const policy::Node* Store::findNode(const std::string& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

void Store::apply(const policy::Pod& pod, bool deleted) {
  changedIf(deleted ? engine_.removePod(pod.key) : engine_.put(pod));
  tellEndpoints(pod.key);
  if (!engine_.findNamespace(pod.key.ns)) applyPosture(pod.key.ns);
}

void Store::apply(const policy::NetworkPolicy& policy, bool deleted) {
  changedIf(deleted ? engine_.removePolicy(policy.key) : engine_.put(policy));
}

// A namespace that is not known (yet) counts as one without labels while it has pods.
void Store::applyPosture(const std::string& ns) {
  const auto known = engine_.findNamespace(ns);
  const auto implied =
      known || engine_.hasPods(ns)
          ? policy::impliedPolicy(settings_.posture, known.value_or(policy::Namespace{ns, {}}))
          : std::nullopt;
  changedIf(implied ? engine_.put(*implied)
                    : engine_.removePolicy({ns, policy::kImpliedPolicyName}));
}

std::vector<policy::Endpoint> Store::endpointsOf(const base::ObjectKey& pod) const {
  std::vector<policy::Endpoint> endpoints;
  const auto ids = attachmentsOf_.find(pod);
  if (ids == attachmentsOf_.end()) return endpoints;
  const auto known = engine_.findPod(pod);
  if (!known) return endpoints;
  for (const auto& id : ids->second)
    if (isOf(attachments_.at(id), *known)) endpoints.push_back(endpointOf(attachments_.at(id)));
  return endpoints;
}

void Store::tellEndpoints(const base::ObjectKey& pod, policy::Engine::Age age) {
  auto endpoints = endpointsOf(pod);
  const bool some = !endpoints.empty();
  if (!engine_.setEndpoints(pod, std::move(endpoints), age)) return;
  changedIf(true);
  if (some)
    endpointsChanged_[pod] = generation_;
  else
    endpointsChanged_.erase(pod);
}

std::optional<std::uint64_t> Store::endpointSince(const conf::Attachment& attachment) const {
  const auto endpoints = endpointsOf(attachment.pod);
  if (std::find(endpoints.begin(), endpoints.end(), endpointOf(attachment)) == endpoints.end())
    return std::nullopt;
  return endpointsChanged_.at(attachment.pod);
}

void Store::put(const conf::Attachment& attachment) {
  const auto id = conf::idOf(attachment);
  const auto known = attachments_.find(id);
  if (known != attachments_.end() && known->second == attachment) return;
  remove(id);
  attachments_.emplace(id, attachment);
  attachmentsOf_[attachment.pod].insert(id);
  changedIf(true);
  // The plugin registers an attachment before the pod's first packet. At start the pods are not
  // known yet, so the attachments on disk are not new.
  tellEndpoints(attachment.pod, policy::Engine::Age::New);
}

bool Store::remove(const conf::AttachmentId& id) {
  const auto place = attachments_.find(id);
  if (place == attachments_.end()) return false;
  const auto pod = place->second.pod;
  attachments_.erase(place);
  auto& ids = attachmentsOf_.at(pod);
  ids.erase(id);
  if (ids.empty()) attachmentsOf_.erase(pod);
  changedIf(true);
  tellEndpoints(pod);
  return true;
}

const conf::Attachment* Store::find(const conf::AttachmentId& id) const {
  const auto found = attachments_.find(id);
  return found == attachments_.end() ? nullptr : &found->second;
}

const conf::Attachment* Store::conflicting(const conf::Attachment& attachment) const {
  const auto id = conf::idOf(attachment);
  for (const auto& [otherId, other] : attachments_) {
    if (otherId == id) continue;
    if (other.hostInterface == attachment.hostInterface || shareAnAddress(other, attachment) ||
        shareAHostPort(other, attachment))
      return &other;
  }
  return nullptr;
}

void Store::setNodeIps(std::vector<base::IpAddress> nodeIps) {
  std::sort(nodeIps.begin(), nodeIps.end());
  nodeIps.erase(std::unique(nodeIps.begin(), nodeIps.end()), nodeIps.end());
  changedIf(engine_.setNodeIps(std::move(nodeIps)));
}

void Store::setNetwork(policy::NodeNetwork network) {
  changedIf(engine_.setNetwork(std::move(network)));
}

std::shared_ptr<const policy::Snapshot> Store::snapshot() const {
  if (snapshot_) return snapshot_;
  policy::Snapshot snapshot = engine_.snapshot();
  snapshot.generation = generation_;
  snapshot_ = std::make_shared<const policy::Snapshot>(std::move(snapshot));
  return snapshot_;
}

Store::Counts Store::counts() const {
  const auto counts = engine_.counts();
  return {counts.namespaces, nodes_.size(), counts.pods, counts.policies};
}

std::vector<policy::Diagnostic> Store::diagnostics() const {
  std::vector<policy::Diagnostic> found;
  for (const auto& ns : engine_.namespaces())
    if (policy::hasUnknownDefaultPolicy(ns))
      found.push_back({policy::Diagnostic::Severity::Warning, "Namespace " + ns.name,
                       std::string("metadata.labels[") + policy::kDefaultPolicyLabel + "]",
                       "must be allow, deny-ingress or deny; until it is corrected, deny applies"});
  return found;
}

void Store::changedIf(bool changed) {
  if (!changed) return;
  ++generation_;
  snapshot_.reset();
}

}  // namespace kpol::controller
