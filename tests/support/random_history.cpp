// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_history.hpp"

#include <algorithm>
#include <functional>

namespace kpol::test {
namespace {

using policy::Engine;

std::string nameOf(const std::string& name) {
  return name;
}
std::string nameOf(const base::ObjectKey& key) {
  return toString(key);
}

void remove(Engine& engine, const policy::Namespace& ns) {
  engine.removeNamespace(ns.name);
}
void remove(Engine& engine, const policy::Pod& pod) {
  engine.removePod(pod.key);
}
void remove(Engine& engine, const policy::NetworkPolicy& policy) {
  engine.removePolicy(policy.key);
}

Engine::Settings randomSettings(Random& random) {
  Engine::Settings settings;
  if (random.oneIn(3)) settings.podToNode = policy::PodToNode::Policy;
  settings.metadataGuard.on = random.oneIn(2);
  settings.metadataGuard.exemptNamespaces = {"shop"};
  if (random.oneIn(4)) settings.metadataGuard.addresses = {*base::IpAddress::parse("203.0.113.9")};
  return settings;
}

base::Prefix randomPodCidr(Random& random) {
  const auto digit = std::to_string(random.below(8));
  return random.oneIn(3) ? *base::Prefix::parse("fd00:10:244:" + digit + "::/64")
                         : *base::Prefix::parse("10.244." + digit + ".0/24");
}

// Includes neighbouring CIDRs that one range covers.
policy::NodeNetwork randomNetwork(Random& random) {
  policy::NodeNetwork network;
  for (auto left = random.below(3); left > 0; --left)
    network.masqueraded.push_back(randomPodCidr(random));
  for (auto left = random.below(8); left > 0; --left)
    network.notMasqueraded.push_back(randomPodCidr(random));
  if (random.oneIn(8)) network.notMasqueraded.push_back(*base::Prefix::parse("0.0.0.0/0"));
  if (random.oneIn(2)) network.vxlanPort = random.oneIn(4) ? 4789 : 8472;
  if (random.oneIn(2)) network.vxlanSourcePorts = base::PortRange::make(512, 1023);
  for (int i = 1; i < 9; ++i)
    if (random.oneIn(2))
      network.nodes.push_back(*base::IpAddress::parse(
          (random.oneIn(3) ? "2001:db8::" : "192.0.2.") + std::to_string(i)));
  for (auto* prefixes : {&network.masqueraded, &network.notMasqueraded}) {
    std::ranges::sort(*prefixes);
    prefixes->erase(std::unique(prefixes->begin(), prefixes->end()), prefixes->end());
  }
  std::ranges::sort(network.nodes);
  network.tunnels = randomTunnels(random);
  return network;
}

}  // namespace

RandomHistory::RandomHistory(Random& random, Order order)
    : random_(random), order_(order), settings_(randomSettings(random)), engine_(settings_) {}

// The objects of the next cluster: another random one, or this one with a few changes.
policy::Snapshot RandomHistory::nextTarget() {
  auto target = random_.oneIn(3) ? snapshot() : randomSnapshot(random_);
  for (auto& pod : target.pods) {
    if (random_.oneIn(4)) pod.labels = randomLabels(random_);
    if (random_.oneIn(6)) pod.phase = policy::PodPhase::Succeeded;
    if (random_.oneIn(4)) pod.terminating = !pod.terminating;
    for (auto& port : pod.ports)
      if (random_.oneIn(4)) port.port = static_cast<std::uint16_t>(random_.between(79, 82));
    std::ranges::sort(pod.ports);
    pod.ports.erase(std::unique(pod.ports.begin(), pod.ports.end()), pod.ports.end());
  }
  for (auto& ns : target.namespaces) {
    if (!random_.oneIn(3)) continue;
    auto labels = randomLabels(random_).entries();
    labels.emplace_back("kubernetes.io/metadata.name", ns.name);
    if (random_.oneIn(3)) labels.emplace_back(policy::kMetadataAccessLabel, "allow");
    ns.labels = policy::Labels(std::move(labels));
  }
  for (auto& endpoint : target.endpoints) {
    if (!random_.oneIn(5)) continue;
    endpoint.hostPorts = {{}};
    endpoint.hostPorts.front().hostPort = static_cast<std::uint16_t>(random_.between(8000, 8999));
    endpoint.hostPorts.front().containerPort = 80;
  }
  return target;
}

template <class Map>
void RandomHistory::planMap(const char* kind, int rank, const Map& wanted, Map& held) {
  for (const auto& [key, object] : wanted) {
    const auto known = held.find(key);
    if (known != held.end() && known->second == object) continue;
    planned_.push_back({rank, std::string("put ") + kind + " " + nameOf(key),
                        [this, &held, wantedKey = key, wantedObject = object] {
                          held[wantedKey] = wantedObject;
                          engine_.put(wantedObject);
                        }});
  }
  for (const auto& [key, object] : held) {
    if (wanted.contains(key)) continue;
    planned_.push_back({rank, std::string("remove ") + kind + " " + nameOf(key),
                        [this, &held, goneKey = key, goneObject = object] {
                          held.erase(goneKey);
                          remove(engine_, goneObject);
                        }});
  }
}

void RandomHistory::planEndpoints(const policy::Snapshot& target) {
  std::map<base::ObjectKey, std::vector<policy::Endpoint>> wanted;
  for (const auto& endpoint : target.endpoints) wanted[endpoint.pod].push_back(endpoint);
  const auto plan = [&](int rank, const base::ObjectKey& pod,
                        const std::vector<policy::Endpoint>& endpoints) {
    planned_.push_back({rank, "endpoints of " + toString(pod), [this, pod, endpoints] {
                          endpoints_[pod] = endpoints;
                          if (endpoints.empty()) endpoints_.erase(pod);
                          engine_.setEndpoints(pod, endpoints);
                        }});
  };
  for (const auto& [pod, endpoints] : endpoints_) {
    const auto same = wanted.find(pod);
    if (same == wanted.end() || (order_ == Order::Plausible && same->second != endpoints))
      plan(0, pod, {});
  }
  for (const auto& [pod, endpoints] : wanted) {
    const auto known = endpoints_.find(pod);
    if (known == endpoints_.end() || known->second != endpoints) plan(2, pod, endpoints);
  }
}

void RandomHistory::plan() {
  const auto target = nextTarget();
  std::map<std::string, policy::Namespace> namespaces;
  for (const auto& ns : target.namespaces) namespaces[ns.name] = ns;
  std::map<base::ObjectKey, policy::Pod> pods;
  for (const auto& pod : target.pods) pods[pod.key] = pod;
  std::map<base::ObjectKey, policy::NetworkPolicy> policies;
  for (const auto& policy : target.policies) policies[policy.key] = policy;
  planMap("Namespace", 1, namespaces, namespaces_);
  planMap("Pod", 1, pods, pods_);
  planMap("NetworkPolicy", 1, policies, policies_);
  planEndpoints(target);
  planned_.push_back({1, "node addresses", [this, ips = target.nodeIps] {
                        nodeIps_ = ips;
                        engine_.setNodeIps(ips);
                      }});
  planned_.push_back({1, "host port addresses", [this, ips = target.hostPortIps] {
                        hostPortIps_ = ips;
                        engine_.setHostPortIps(ips);
                      }});
  planned_.push_back({1, "node network", [this, network = randomNetwork(random_)] {
                        network_ = network;
                        engine_.setNetwork(network);
                      }});
  for (std::size_t i = planned_.size(); i > 1; --i)
    std::swap(planned_[i - 1], planned_[random_.below(i)]);
  if (order_ == Order::Plausible) std::ranges::stable_sort(planned_, std::greater{}, &Event::rank);
}

std::string RandomHistory::step() {
  while (planned_.empty()) plan();
  const auto event = std::move(planned_.back());
  planned_.pop_back();
  event.apply();
  return event.name;
}

policy::Snapshot RandomHistory::snapshot() const {
  policy::Snapshot snapshot;
  for (const auto& [name, ns] : namespaces_) snapshot.namespaces.push_back(ns);
  for (const auto& [key, pod] : pods_) snapshot.pods.push_back(pod);
  for (const auto& [key, policy] : policies_) snapshot.policies.push_back(policy);
  for (const auto& [key, endpoints] : endpoints_)
    snapshot.endpoints.insert(snapshot.endpoints.end(), endpoints.begin(), endpoints.end());
  std::ranges::sort(snapshot.endpoints);
  snapshot.nodeIps = nodeIps_;
  snapshot.hostPortIps = hostPortIps_;
  snapshot.network = network_;
  snapshot.podToNode = settings_.podToNode;
  snapshot.metadataGuard = settings_.metadataGuard;
  return snapshot;
}

}  // namespace kpol::test
