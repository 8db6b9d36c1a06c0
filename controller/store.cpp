// SPDX-License-Identifier: Apache-2.0
#include "controller/store.hpp"

#include <algorithm>
#include <iterator>

namespace kpol::controller {
namespace {

// Enough to find the cause; all pods of one node may be concerned.
constexpr std::size_t kMostReportedPods = 10;

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
  return attachment.podUid.empty() || pod.uid.empty() || attachment.podUid == pod.uid ||
         attachment.podUid == pod.configHash;
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
  if (node.name == settings_.nodeName) applyHostPortIps();
}

const policy::Node* Store::findNode(const std::string& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second;
}

void Store::apply(const policy::Pod& pod, bool deleted) {
  if (deleted) reported_.erase(pod.key);
  changedIf(deleted ? engine_.removePod(pod.key) : engine_.put(withoutForeignAddresses(pod)));
  noteResident(pod, deleted);
  tellEndpoints(pod.key);
  if (!engine_.findNamespace(pod.key.ns)) applyPosture(pod.key.ns);
}

// The CIDRs are disjoint, so only the last one that begins at or before the address can contain it.
bool Store::isInCidrOf(const std::string& node, const base::IpAddress& ip) const {
  const auto after = podCidrs_->upper_bound(base::Prefix::host(ip));
  if (after == podCidrs_->begin()) return false;
  const auto& [cidr, holder] = *std::prev(after);
  return cidr.contains(ip) && holder == node;
}

policy::Pod Store::withoutForeignAddresses(policy::Pod pod) {
  reported_.erase(pod.key);
  if (!podCidrs_ || pod.nodeName.empty() || !policy::hasPodNetwork(pod)) return pod;
  const auto isForeign = [&](const auto& ip) { return !isInCidrOf(pod.nodeName, ip); };
  if (std::none_of(pod.ips.begin(), pod.ips.end(), isForeign)) return pod;
  reported_[pod.key] = pod.ips;
  std::erase_if(pod.ips, isForeign);
  return pod;
}

void Store::setPodCidrs(const PodCidrs& cidrs) {
  if (podCidrs_ == cidrs) return;
  podCidrs_ = cidrs;
  auto pods = engine_.podsWhere([&](const auto& node, const auto& ips) {
    return !node.empty() && !std::all_of(ips.begin(), ips.end(),
                                         [&](const auto& ip) { return isInCidrOf(node, ip); });
  });
  for (const auto& [key, ips] : reported_) pods.push_back(key);
  for (const auto& key : pods) {
    auto pod = *engine_.findPod(key);
    if (const auto known = reported_.find(key); known != reported_.end()) pod.ips = known->second;
    changedIf(engine_.put(withoutForeignAddresses(std::move(pod))));
  }
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
  if (ids == attachmentsOf_.end()) {
    if (auto endpoint = unattachedEndpoint(pod)) endpoints.push_back(*std::move(endpoint));
    return endpoints;
  }
  const auto known = engine_.findPod(pod);
  if (!known) return endpoints;
  for (const auto& id : ids->second)
    if (isOf(attachments_.at(id), *known)) endpoints.push_back(endpointOf(attachments_.at(id)));
  return endpoints;
}

// ---- pods without attachments

void Store::noteResident(const policy::Pod& pod, bool deleted) {
  const bool isHere = !settings_.nodeName.empty() && pod.nodeName == settings_.nodeName;
  if (deleted || !isHere || !policy::hasPodNetwork(pod)) {
    residents_.erase(pod.key);
    return;
  }
  auto& resident = residents_[pod.key];
  if (resident.uid != pod.uid) resident = {pod.uid, {}, false};
  resident.ips = pod.ips;
}

bool Store::hasAttachmentAt(const base::IpAddress& ip) const {
  return std::ranges::any_of(attachments_, [&](const auto& one) {
    return std::ranges::binary_search(one.second.ips, ip);
  });
}

std::optional<policy::Endpoint> Store::unattachedEndpoint(const base::ObjectKey& pod) const {
  const auto resident = residents_.find(pod);
  if (resident == residents_.end() || resident->second.detached) return std::nullopt;
  auto ips = resident->second.ips;
  std::erase_if(ips, [this](const auto& ip) { return hasAttachmentAt(ip); });
  if (ips.empty()) return std::nullopt;
  return policy::Endpoint{pod, std::nullopt, std::move(ips)};
}

void Store::tellResidentsAt(const std::vector<base::IpAddress>& ips) {
  for (const auto& [pod, resident] : residents_)
    if (std::ranges::any_of(ips, [&, &own = resident.ips](const auto& ip) {
          return std::ranges::binary_search(own, ip);
        }))
      tellEndpoints(pod);
}

std::vector<policy::Endpoint> Store::unattached() const {
  std::vector<policy::Endpoint> endpoints;
  for (const auto& [pod, resident] : residents_)
    if (!attachmentsOf_.contains(pod))
      if (auto endpoint = unattachedEndpoint(pod)) endpoints.push_back(*std::move(endpoint));
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
  tellResidentsAt(attachment.ips);
}

bool Store::remove(const conf::AttachmentId& id) {
  const auto place = attachments_.find(id);
  if (place == attachments_.end()) return false;
  const auto pod = place->second.pod;
  const auto ips = place->second.ips;
  attachments_.erase(place);
  auto& ids = attachmentsOf_.at(pod);
  ids.erase(id);
  if (ids.empty()) attachmentsOf_.erase(pod);
  const auto resident = residents_.find(pod);
  if (resident != residents_.end()) resident->second.detached = true;
  changedIf(true);
  tellEndpoints(pod);
  tellResidentsAt(ips);
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

void Store::setNodeIps(std::vector<base::IpAddress> nodeIps,
                       std::vector<base::IpAddress> auxiliary) {
  std::sort(nodeIps.begin(), nodeIps.end());
  nodeIps.erase(std::unique(nodeIps.begin(), nodeIps.end()), nodeIps.end());
  nodeIps_ = nodeIps;
  auxiliaryIps_ = std::move(auxiliary);
  changedIf(engine_.setNodeIps(std::move(nodeIps)));
  applyHostPortIps();
}

void Store::applyHostPortIps() {
  const auto* self = findNode(settings_.nodeName);
  auto ips = nodeIps_;
  std::erase_if(ips, [&](const base::IpAddress& ip) {
    const bool own = self != nullptr && std::ranges::count(self->addresses, ip) != 0;
    return !own && std::ranges::count(auxiliaryIps_, ip) != 0;
  });
  changedIf(engine_.setHostPortIps(std::move(ips)));
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
  std::size_t shown = 0;
  for (const auto& [key, ips] : reported_) {
    if (attachmentsOf_.contains(key)) continue;  // its addresses are those of its interface
    if (++shown > kMostReportedPods) break;
    found.push_back({policy::Diagnostic::Severity::Warning, "Pod " + toString(key), "status.podIPs",
                     "are not all in the pod CIDRs of its node; kpold uses only those that are"});
  }
  return found;
}

void Store::changedIf(bool changed) {
  if (!changed) return;
  ++generation_;
  snapshot_.reset();
}

}  // namespace kpol::controller
