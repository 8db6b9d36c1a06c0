// SPDX-License-Identifier: Apache-2.0
#include "policy/cluster.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <utility>

namespace kpol::policy {
namespace {

constexpr const char* kNameLabel = "kubernetes.io/metadata.name";

bool before(const PodRecord& a, const PodRecord& b) {
  if (a.local != b.local) return a.local;
  if (a.ns != b.ns) return a.ns->name < b.ns->name;
  return *a.name < *b.name;
}

}  // namespace

bool PodRecord::hasPodNetwork() const {
  return !hostNetwork && phase != PodPhase::Succeeded && phase != PodPhase::Failed;
}

const std::vector<base::IpAddress>& PodRecord::claims() const {
  static const std::vector<base::IpAddress> kNone;
  if (!claiming) return kNone;
  return local ? endpointIps : ips;
}

base::ObjectKey PodRecord::key() const {
  return {ns->name, *name};
}

Pod PodRecord::pod() const {
  Pod pod;
  pod.key = key();
  pod.uid = uid;
  pod.nodeName = *nodeName;
  pod.hostNetwork = hostNetwork;
  pod.phase = phase;
  pod.labels = labels->labels();
  pod.ips = ips;
  pod.ports = *ports;
  return pod;
}

bool NamespaceRecord::isNeeded() const {
  return known || !pods.empty() || !policies.empty() || subscriptions != nullptr;
}

const PodRecord* Cluster::findPod(const base::ObjectKey& key) const {
  const auto* ns = findNamespace(key.ns);
  if (ns == nullptr) return nullptr;
  const auto pod = ns->pods.find(key.name);
  return pod == ns->pods.end() ? nullptr : &pod->second;
}

PodRecord* Cluster::findPod(const base::ObjectKey& key) {
  return const_cast<PodRecord*>(std::as_const(*this).findPod(key));
}

const NamespaceRecord* Cluster::findNamespace(std::string_view name) const {
  const auto ns = namespaces_.find(name);
  return ns == namespaces_.end() ? nullptr : &ns->second;
}

NamespaceRecord* Cluster::findNamespace(std::string_view name) {
  return const_cast<NamespaceRecord*>(std::as_const(*this).findNamespace(name));
}

NamespaceRecord& Cluster::namespaceAt(const std::string& name) {
  const auto [place, isNew] = namespaces_.try_emplace(name);
  if (isNew) {
    place->second.name = name;
    setLabels(place->second, std::nullopt);
  }
  return place->second;
}

void Cluster::drop(NamespaceRecord& ns) {
  if (ns.isNeeded()) return;
  labels_.release(ns.labels);
  namespaces_.erase(namespaces_.find(ns.name));
}

void Cluster::setLabels(NamespaceRecord& ns, const std::optional<Labels>& labels) {
  const auto* old = ns.labels;
  ns.known = labels.has_value();
  ns.labels = labels_.intern(labels ? *labels : Labels({{kNameLabel, ns.name}}));
  if (old != nullptr) labels_.release(old);
}

PodRecord& Cluster::store(const Pod& pod) {
  auto& ns = namespaceAt(pod.key.ns);
  const auto [place, isNew] = ns.pods.try_emplace(pod.key.name);
  auto& record = place->second;
  if (isNew) {
    record.ns = &ns;
    record.name = &place->first;
    ++podCount_;
  }
  base::expects(!record.claiming, "a pod that changes claims no address");
  const PodRecord old = record;  // what it holds is released when the new is held
  record.nodeName = strings_.intern(pod.nodeName);
  record.labels = labels_.intern(pod.labels);
  record.ports = internPorts(pod.ports);
  record.ips = pod.ips;
  record.ips.shrink_to_fit();
  record.uid = pod.uid;
  record.phase = pod.phase;
  record.hostNetwork = pod.hostNetwork;
  if (!isNew) releaseFields(old);
  return record;
}

void Cluster::releaseFields(const PodRecord& pod) {
  strings_.release(pod.nodeName);
  labels_.release(pod.labels);
  releasePorts(pod.ports);
}

void Cluster::erase(PodRecord& pod) {
  base::expects(!pod.claiming, "a pod that goes claims no address");
  releaseFields(pod);
  --podCount_;
  auto& pods = pod.ns->pods;
  pods.erase(pods.find(*pod.name));
}

const std::vector<ContainerPort>* Cluster::internPorts(const std::vector<ContainerPort>& ports) {
  const auto place = ports_.try_emplace(ports, 0).first;
  ++place->second;
  return &place->first;
}

void Cluster::releasePorts(const std::vector<ContainerPort>* ports) {
  const auto place = ports_.find(*ports);
  if (--place->second == 0) ports_.erase(place);
}

void Cluster::claim(PodRecord& pod,
                    const std::optional<std::vector<base::IpAddress>>& endpointIps) {
  base::expects(!pod.claiming, "a pod claims its addresses once");
  pod.local = endpointIps.has_value();
  pod.endpointIps = endpointIps.value_or(std::vector<base::IpAddress>());
  pod.claiming = pod.hasPodNetwork();
  for (const auto& ip : pod.claims()) {
    auto& claims = claims_[ip];
    if (claims.first == nullptr) {
      claims.first = &pod;
      continue;
    }
    if (!claims.more) claims.more = std::make_unique<std::vector<PodRecord*>>();
    claims.more->push_back(&pod);
  }
}

void Cluster::unclaim(PodRecord& pod) {
  for (const auto& ip : pod.claims()) {
    const auto place = claims_.find(ip);
    auto& [first, more] = place->second;
    if (!more) {
      claims_.erase(place);
      continue;
    }
    if (first == &pod) first = std::exchange(more->back(), &pod);
    std::erase(*more, &pod);
    if (more->empty()) more.reset();
  }
  pod.claiming = false;
}

const PodRecord* Cluster::owner(const base::IpAddress& ip) const {
  const auto place = claims_.find(ip);
  if (place == claims_.end()) return nullptr;
  const PodRecord* best = place->second.first;
  if (place->second.more)
    for (const auto* other : *place->second.more)
      if (before(*other, *best)) best = other;
  return best;
}

std::vector<PodRecord*> Cluster::claimants(const std::vector<base::IpAddress>& ips,
                                           PodRecord* self) const {
  std::vector<PodRecord*> found{self};
  for (const auto& ip : ips) {
    const auto place = claims_.find(ip);
    if (place == claims_.end()) continue;
    found.push_back(place->second.first);
    if (place->second.more)
      found.insert(found.end(), place->second.more->begin(), place->second.more->end());
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

}  // namespace kpol::policy
