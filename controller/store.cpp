// SPDX-License-Identifier: Apache-2.0
#include "controller/store.hpp"

#include <algorithm>

namespace kpol::controller {
namespace {

template <class Map>
auto valuesOf(const Map& map) {
  std::vector<typename Map::mapped_type> values;
  values.reserve(map.size());
  for (const auto& [key, value] : map) values.push_back(value);
  return values;
}

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

template <class Key, class Value>
void Store::applyTo(std::map<Key, Value>& objects, const Key& key, const Value& value,
                    bool deleted) {
  if (deleted) {
    if (objects.erase(key) > 0) changed();
    return;
  }
  const auto [place, isNew] = objects.try_emplace(key, value);
  if (!isNew && place->second == value) return;
  place->second = value;
  changed();
}

void Store::apply(const kube::WatchEvent& event) {
  const bool deleted = event.type == kube::WatchEvent::Type::Deleted;
  struct Apply {
    Store& store;
    bool deleted;
    void operator()(const policy::Namespace& ns) const {
      store.applyTo(store.namespaces_, ns.name, ns, deleted);
      store.applyPosture(ns.name);
    }
    void operator()(const policy::Node& node) const {
      store.applyTo(store.nodes_, node.name, node, deleted);
    }
    void operator()(const policy::Pod& pod) const {
      store.applyTo(store.pods_, pod.key, pod, deleted);
      if (!store.namespaces_.contains(pod.key.ns)) store.applyPosture(pod.key.ns);
    }
    void operator()(const policy::NetworkPolicy& policy) const {
      store.applyTo(store.policies_, policy.key, policy, deleted);
    }
  };
  std::visit(Apply{*this, deleted}, event.object);
}

// A namespace not seen (yet) stands as one without labels, as long as it has pods.
void Store::applyPosture(const std::string& ns) {
  const auto known = namespaces_.find(ns);
  const auto pod = pods_.lower_bound({ns, ""});
  const bool exists = known != namespaces_.end() || (pod != pods_.end() && pod->first.ns == ns);
  const auto implied =
      exists ? policy::impliedPolicy(settings_.posture, known != namespaces_.end()
                                                            ? known->second
                                                            : policy::Namespace{ns, {}})
             : std::nullopt;
  const base::ObjectKey key{ns, policy::kImpliedPolicyName};
  applyTo(policies_, key, implied.value_or(policy::NetworkPolicy{}), !implied);
}

void Store::put(const conf::Attachment& attachment) {
  applyTo(attachments_, conf::idOf(attachment), attachment, false);
}

bool Store::remove(const conf::AttachmentId& id) {
  if (attachments_.erase(id) == 0) return false;
  changed();
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
  if (nodeIps == nodeIps_) return;
  nodeIps_ = std::move(nodeIps);
  changed();
}

std::shared_ptr<const policy::Snapshot> Store::snapshot() const {
  if (snapshot_) return snapshot_;
  policy::Snapshot snapshot;
  snapshot.generation = generation_;
  snapshot.namespaces = valuesOf(namespaces_);
  snapshot.pods = valuesOf(pods_);
  snapshot.policies = valuesOf(policies_);
  snapshot.endpoints = endpoints();
  snapshot.nodeIps = nodeIps_;
  snapshot.podToNode = settings_.podToNode;
  snapshot.metadataGuard = settings_.metadataGuard;
  snapshot_ = std::make_shared<const policy::Snapshot>(std::move(snapshot));
  return snapshot_;
}

std::vector<policy::Endpoint> Store::endpoints() const {
  std::vector<policy::Endpoint> endpoints;
  for (const auto& [id, attachment] : attachments_) {
    const auto pod = pods_.find(attachment.pod);
    if (pod == pods_.end() || !isOf(attachment, pod->second)) continue;
    endpoints.push_back(endpointOf(attachment));
  }
  std::sort(endpoints.begin(), endpoints.end());
  return endpoints;
}

Store::Counts Store::counts() const {
  return {namespaces_.size(), nodes_.size(), pods_.size(), policies_.size()};
}

std::vector<policy::Diagnostic> Store::diagnostics() const {
  std::vector<policy::Diagnostic> found;
  for (const auto& [name, ns] : namespaces_)
    if (policy::hasUnknownDefaultPolicy(ns))
      found.push_back({policy::Diagnostic::Severity::Warning, "Namespace " + name,
                       std::string("metadata.labels[") + policy::kDefaultPolicyLabel + "]",
                       "must be allow, deny-ingress or deny; until then the namespace denies"});
  return found;
}

void Store::changed() {
  ++generation_;
  snapshot_.reset();
}

}  // namespace kpol::controller
