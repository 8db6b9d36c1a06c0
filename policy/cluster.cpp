// SPDX-License-Identifier: Apache-2.0
#include "policy/cluster.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace kpol::policy {
namespace {

bool before(const PodRecord& a, const PodRecord& b) {
  if (a.local != b.local) return a.local;
  if (!a.local) {
    if (a.terminating != b.terminating) return b.terminating;
    if (a.created != b.created) return a.created > b.created;
  }
  if (a.ns != b.ns) return a.ns->name < b.ns->name;
  return *a.name < *b.name;
}

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::size_t kUidLength = 36;

bool isHyphen(std::size_t place) {
  return place == 8 || place == 13 || place == 18 || place == 23;
}

// Packs a UID as the API server writes it (RFC 9562 text in lower case); nullopt for other text.
std::optional<std::array<std::uint8_t, 16>> packUid(std::string_view text) {
  if (text.size() != kUidLength) return std::nullopt;
  std::array<std::uint8_t, 16> bytes{};
  std::size_t digits = 0;
  for (std::size_t i = 0; i < kUidLength; ++i) {
    if (isHyphen(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const auto digit = kHex.find(text[i]);
    if (digit == std::string_view::npos) return std::nullopt;
    auto& byte = bytes.at(digits++ / 2);
    byte = static_cast<std::uint8_t>(byte << 4U | digit);
  }
  return bytes;
}

std::string unpackUid(const std::array<std::uint8_t, 16>& bytes) {
  std::string text;
  for (std::size_t digits = 0; text.size() < kUidLength;) {
    if (isHyphen(text.size())) text += '-';
    const unsigned byte = bytes.at(digits / 2);
    text += kHex[digits++ % 2 == 0 ? byte >> 4U : byte & 15U];
  }
  return text;
}

}  // namespace

bool PodRecord::hasPodNetwork() const {
  return !hostNetwork && phase != PodPhase::Succeeded && phase != PodPhase::Failed;
}

const std::vector<base::IpAddress>& PodRecord::claims() const {
  static const std::vector<base::IpAddress> kNone;
  if (!claiming) return kNone;
  return local ? *endpointIps : ips;
}

base::ObjectKey PodRecord::key() const {
  return {ns->name, *name};
}

Pod PodRecord::pod() const {
  Pod pod;
  pod.key = key();
  pod.uid = uidText != nullptr ? *uidText : unpackUid(uidBytes);
  pod.nodeName = *nodeName;
  pod.hostNetwork = hostNetwork;
  pod.phase = phase;
  pod.labels = labels->labels();
  pod.ips = ips;
  pod.ports = *ports;
  pod.terminating = terminating;
  pod.created = created;
  if (configHash != nullptr) pod.configHash = *configHash;
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
  ns.labels = labels_.intern(labels ? *labels : Labels({{kNamespaceNameLabel, ns.name}}));
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
  base::expects(!record.claiming, "a changed pod claims no address");
  if (!isNew) leaveLabels(record);
  const auto old = heldBy(record);  // released after the new references are taken
  record.nodeName = strings_.intern(pod.nodeName);
  record.labels = labels_.intern(pod.labels);
  record.ports = internPorts(pod.ports);
  record.ips = pod.ips;
  record.ips.shrink_to_fit();
  setUid(record, pod.uid);
  record.configHash = pod.configHash.empty() ? nullptr : strings_.intern(pod.configHash);
  record.phase = pod.phase;
  record.hostNetwork = pod.hostNetwork;
  record.terminating = pod.terminating;
  record.created = pod.created;
  if (!isNew) release(old);
  enterLabels(record);
  return record;
}

void Cluster::setUid(PodRecord& pod, const std::string& uid) {
  const auto packed = packUid(uid);
  pod.uidBytes = packed.value_or(std::array<std::uint8_t, 16>{});
  pod.uidText = packed ? nullptr : strings_.intern(uid);
}

void Cluster::enterLabels(PodRecord& pod) {
  pod.placeInLabels = static_cast<std::uint32_t>(pod.labels->pods.size());
  pod.labels->pods.push_back(&pod);
}

void Cluster::leaveLabels(PodRecord& pod) {
  auto& pods = pod.labels->pods;
  pods[pod.placeInLabels] = pods.back();
  pods[pod.placeInLabels]->placeInLabels = pod.placeInLabels;
  pods.pop_back();
}

void Cluster::release(const Held& held) {
  strings_.release(held.nodeName);
  if (held.uidText != nullptr) strings_.release(held.uidText);
  if (held.configHash != nullptr) strings_.release(held.configHash);
  labels_.release(held.labels);
  releasePorts(held.ports);
}

void Cluster::erase(PodRecord& pod) {
  base::expects(!pod.claiming, "a removed pod claims no address");
  leaveLabels(pod);
  release(heldBy(pod));
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
  pod.endpointIps =
      endpointIps ? std::make_unique<const std::vector<base::IpAddress>>(*endpointIps) : nullptr;
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
