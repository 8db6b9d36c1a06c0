// SPDX-License-Identifier: Apache-2.0
#include "policy/engine.hpp"

#include "policy/compile.hpp"
#include "policy/flow_recorder.hpp"
#include "policy/local_pods.hpp"
#include "policy/selector.hpp"

#include <algorithm>

namespace kpol::policy {
namespace {

using Contributions = std::vector<PeerFeeds::Contribution>;

std::vector<base::IpAddress> join(std::vector<base::IpAddress> a,
                                  const std::vector<base::IpAddress>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

struct Engine::State {
  explicit State(Settings given) : settings(std::move(given)) {
    Snapshot nothing;
    nothing.podToNode = settings.podToNode;
    nothing.metadataGuard = settings.metadataGuard;
    base.replace(table, peers, compile(nothing).ruleset, {});
  }

  // ---- membership

  // Runs `change` and applies the resulting membership difference of `pods` to the peer sets.
  template <class Change>
  void changing(const std::vector<PodRecord*>& pods, Change change) {
    Contributions before = contributionsOf(pods);
    change();
    Contributions after = contributionsOf(pods);
    Contributions news;
    std::set_difference(before.begin(), before.end(), after.begin(), after.end(),
                        std::back_inserter(news));
    for (const auto& gone : news) {
      table.tell(*gone.first, PeerFeeds::elementOf(gone), -1);
      flows.peerChanged(gone.second.ip, kTightens);
    }
    news.clear();
    std::set_difference(after.begin(), after.end(), before.begin(), before.end(),
                        std::back_inserter(news));
    for (const auto& come : news) {
      table.tell(*come.first, PeerFeeds::elementOf(come), 1);
      flows.peerChanged(come.second.ip, kLoosens);
    }
  }

  Contributions contributionsOf(const std::vector<PodRecord*>& pods) const {
    Contributions all;
    for (const auto* pod : pods) {
      const auto one = peers.contributions(*pod);
      all.insert(all.end(), one.begin(), one.end());
    }
    if (pods.size() > 1) std::sort(all.begin(), all.end());
    return all;
  }

  // Unclaims the pod and runs `change`, which changes its fields and may claim `coming`. Other pods
  // that claim the same addresses may win or lose them.
  template <class Change>
  void changingClaims(PodRecord& pod, const std::vector<base::IpAddress>& coming, Change change) {
    const auto concerned = cluster.claimants(join(pod.claims(), coming), &pod);
    changing(concerned, [&] {
      cluster.unclaim(pod);
      change();
    });
    for (const auto* one : concerned) {
      if (one->local || one == &pod) locals.touch(one->key());
      if (one->local && one != &pod) flows.podConcerned(one->key());
    }
  }

  void setNamespace(NamespaceRecord& ns, const std::optional<Labels>& labels) {
    cluster.setLabels(ns, labels);
    if (settings.metadataGuard.on) locals.touchAll(ns.name);
    if (settings.metadataGuard.on) flows.namespaceConcerned(ns.name, Direction::Egress);
    auto groups = peers.groupsOf(ns);
    if (groups == ns.groups) return;
    std::vector<PodRecord*> pods;
    for (auto& [name, pod] : ns.pods) pods.push_back(&pod);
    changing(pods, [&] { peers.setGroups(ns, std::move(groups)); });
  }

  // The pod's interfaces had the addresses `before`.
  void endpointsChanged(const base::ObjectKey& pod,
                        const std::optional<std::vector<base::IpAddress>>& before) {
    flows.podConcerned(pod);
    if (before)
      for (const auto& address : *before) flows.peerChanged(address, kTightensAndLoosens);
  }

  // The tunnels of nodes are about to become `tunnels`.
  void tunnelsChange(const std::vector<NodeTunnel>& tunnels) {
    profiles.setTunnels(tunnels);
    std::vector<NodeTunnel> changed;
    std::set_symmetric_difference(network.tunnels.begin(), network.tunnels.end(), tunnels.begin(),
                                  tunnels.end(), std::back_inserter(changed));
    for (const auto& one : changed) flows.peerChanged(one.tunnel, kTightensAndLoosens);
  }

  // ---- structure

  void touch(const PolicyRecord& record) {
    locals.touchSelected(record.policy.key.ns, record.podSelector);
    profiles.touch(record.profiles);
  }

  void refresh() {
    profiles.setFamilies(locals.families());
    locals.chooseProfiles();
    locals.refresh(profiles.refresh());
  }

  Settings settings;
  std::vector<base::IpAddress> nodeIps;
  NodeNetwork network;
  Cluster cluster;
  PeerFeeds peers{cluster};
  LiveTable table{[this](const LiveSet& set) { return peers.elementsOf(set); }};
  LiveProfiles profiles{cluster, table, peers};
  LocalPods locals{{cluster, table, peers, profiles}, settings.metadataGuard};
  FlowRecorder flows{cluster, locals};
  LivePart base;
  LivePart networkPart;
};

Engine::Engine(Settings settings) : state_(std::make_unique<State>(std::move(settings))) {}
Engine::~Engine() = default;
Engine::Engine(Engine&&) noexcept = default;
Engine& Engine::operator=(Engine&&) noexcept = default;

// ---- events

bool Engine::put(const Namespace& ns) {
  auto& record = state_->peers.namespaceAt(ns.name);
  if (record.known && record.labels->labels() == ns.labels) return false;
  state_->setNamespace(record, ns.labels);
  return true;
}

bool Engine::removeNamespace(const std::string& name) {
  auto* record = state_->cluster.findNamespace(name);
  if (record == nullptr || !record->known) return false;
  state_->setNamespace(*record, std::nullopt);
  state_->peers.drop(*record);
  return true;
}

bool Engine::put(const Pod& pod) {
  state_->peers.namespaceAt(pod.key.ns);
  auto* record = state_->cluster.findPod(pod.key);
  if (record != nullptr && record->pod() == pod) return false;
  if (record == nullptr) record = &state_->cluster.store(pod);
  const auto endpointIps = state_->locals.addressesOf(pod.key);
  const auto before = state_->flows.stateOf(pod.key);
  state_->changingClaims(*record, endpointIps.value_or(pod.ips), [&] {
    state_->cluster.store(pod);
    state_->cluster.claim(*record, endpointIps);
  });
  state_->flows.podChanged(pod.key, before);
  return true;
}

bool Engine::removePod(const base::ObjectKey& key) {
  auto* record = state_->cluster.findPod(key);
  if (record == nullptr) return false;
  auto& ns = *record->ns;
  state_->flows.podConcerned(key);
  state_->changingClaims(*record, {}, [] {});
  state_->cluster.erase(*record);
  state_->peers.drop(ns);
  return true;
}

bool Engine::setEndpoints(const base::ObjectKey& pod, std::vector<Endpoint> endpoints, Age age) {
  const auto before = state_->locals.addressesOf(pod);
  if (!state_->locals.set(pod, std::move(endpoints))) return false;
  if (before || age == Age::Unknown) state_->endpointsChanged(pod, before);
  auto* record = state_->cluster.findPod(pod);
  if (record == nullptr) return true;
  const auto endpointIps = state_->locals.addressesOf(pod);
  state_->changingClaims(*record, endpointIps.value_or(record->ips),
                         [&] { state_->cluster.claim(*record, endpointIps); });
  return true;
}

bool Engine::setNodeIps(std::vector<base::IpAddress> nodeIps) {
  if (nodeIps == state_->nodeIps) return false;
  state_->nodeIps = std::move(nodeIps);
  state_->flows.allPodsConcerned();
  return true;
}

bool Engine::setHostPortIps(std::vector<base::IpAddress> ips) {
  return state_->locals.setHostPortIps(std::move(ips));
}

bool Engine::setNetwork(NodeNetwork network) {
  if (network == state_->network) return false;
  state_->tunnelsChange(network.tunnels);
  state_->network = std::move(network);
  nft::Ruleset part;
  addNodeNetwork(state_->network, part);
  state_->networkPart.replace(state_->table, state_->peers, std::move(part), {});
  return true;
}

bool Engine::put(const NetworkPolicy& policy) {
  auto& ns = state_->peers.namespaceAt(policy.key.ns);
  const auto [place, isNew] = ns.policies.try_emplace(policy.key.name);
  auto& record = place->second;
  if (isNew) {
    state_->flows.policyChanges(nullptr, &policy);
  } else {
    if (record.policy == policy) return false;
    state_->touch(record);
    state_->flows.policyChanges(&record.policy, &policy);
    ns.policyIndex.remove(record.podSelector, &record);
  }
  record.policy = policy;
  record.podSelector = canonical(policy.podSelector);
  ns.policyIndex.add(record.podSelector, &record);
  state_->touch(record);
  return true;
}

bool Engine::removePolicy(const base::ObjectKey& key) {
  auto* ns = state_->cluster.findNamespace(key.ns);
  if (ns == nullptr) return false;
  const auto place = ns->policies.find(key.name);
  if (place == ns->policies.end()) return false;
  state_->flows.policyChanges(&place->second.policy, nullptr);
  state_->touch(place->second);
  ns->policyIndex.remove(place->second.podSelector, &place->second);
  ns->policies.erase(place);
  state_->peers.drop(*ns);
  return true;
}

// ---- the table

nft::ChangeSet Engine::takeChanges() {
  state_->refresh();
  return state_->table.take([this](LiveSet& set) { state_->peers.unfollow(set); });
}

nft::Ruleset Engine::ruleset() {
  state_->refresh();
  return state_->table.ruleset();
}

Engine::Size Engine::size() {
  state_->refresh();
  Size size;
  for (const auto& [name, set] : state_->table.sets()) {
    if (set.holders == 0) continue;
    ++size.sets;
    size.elements += set.count;
  }
  size.chains = state_->table.chains().size();
  for (const auto& [name, chain] : state_->table.chains()) size.rules += chain.rules.size();
  return size;
}

void Engine::deny(const std::set<std::string>& profiles) {
  const auto before = state_->profiles.denied();
  std::vector<std::string> changed;
  std::set_symmetric_difference(before.begin(), before.end(), profiles.begin(), profiles.end(),
                                std::back_inserter(changed));
  for (const auto& chain : changed) {
    if (!hasProfile(chain)) continue;
    for (const auto& pod : podsOf(chain))
      state_->flows.podConcerned(pod, directionOf(chain), kTightensAndLoosens);
  }
  state_->profiles.deny(profiles);
}

const std::set<std::string>& Engine::oversizedProfiles() const {
  return state_->profiles.oversized();
}

ChangedFlows Engine::takeChangedFlows() {
  return state_->flows.take();
}

std::vector<NetworkPolicy> Engine::effectivePolicies(const base::ObjectKey& pod,
                                                     Direction direction) const {
  const auto* record = std::as_const(state_->cluster).findPod(pod);
  if (record == nullptr) return {};
  if (state_->profiles.denied().contains(state_->locals.profileOf(pod, direction)))
    return {NetworkPolicy{{pod.ns, "(rejected)"}, {}, {direction}, {}, {}}};
  std::vector<NetworkPolicy> policies;
  for (const auto* policy : state_->locals.policiesFor(*record))
    if (isolates(*policy, direction)) policies.push_back(*policy);
  return policies;
}

std::set<std::string> Engine::profilesWith(const std::string& object) const {
  return state_->profiles.users(object);
}

std::vector<base::ObjectKey> Engine::policiesOf(const std::string& profile) const {
  return state_->profiles.policiesOf(profile);
}

bool Engine::hasProfile(const std::string& profile) const {
  return state_->profiles.contains(profile);
}

Direction Engine::directionOf(const std::string& profile) const {
  return state_->profiles.directionOf(profile);
}

std::vector<base::ObjectKey> Engine::podsOf(const std::string& profile) const {
  return state_->locals.podsOf(profile);
}

std::optional<NetworkPolicy> Engine::findPolicy(const base::ObjectKey& key) const {
  const auto* ns = std::as_const(state_->cluster).findNamespace(key.ns);
  if (ns == nullptr) return std::nullopt;
  const auto place = ns->policies.find(key.name);
  return place == ns->policies.end() ? std::nullopt : std::optional(place->second.policy);
}

// ---- the objects

Snapshot Engine::snapshot() const {
  Snapshot snapshot;
  for (const auto& [name, ns] : std::as_const(state_->cluster).namespaces()) {
    if (ns.known) snapshot.namespaces.push_back({name, ns.labels->labels()});
    for (const auto& [podName, pod] : ns.pods) snapshot.pods.push_back(pod.pod());
    for (const auto& [policyName, record] : ns.policies) snapshot.policies.push_back(record.policy);
  }
  snapshot.endpoints = state_->locals.endpoints();
  snapshot.nodeIps = state_->nodeIps;
  snapshot.hostPortIps = state_->locals.hostPortIps();
  snapshot.network = state_->network;
  snapshot.podToNode = state_->settings.podToNode;
  snapshot.metadataGuard = state_->settings.metadataGuard;
  return snapshot;
}

std::optional<Pod> Engine::findPod(const base::ObjectKey& key) const {
  const auto* record = std::as_const(state_->cluster).findPod(key);
  return record == nullptr ? std::nullopt : std::optional(record->pod());
}

std::optional<Namespace> Engine::findNamespace(const std::string& name) const {
  const auto* record = std::as_const(state_->cluster).findNamespace(name);
  if (record == nullptr || !record->known) return std::nullopt;
  return Namespace{name, record->labels->labels()};
}

std::vector<base::ObjectKey> Engine::podsWhere(
    const std::function<bool(const std::string&, const std::vector<base::IpAddress>&)>& wanted)
    const {
  std::vector<base::ObjectKey> keys;
  for (const auto& [name, ns] : std::as_const(state_->cluster).namespaces())
    for (const auto& [podName, pod] : ns.pods)
      if (pod.hasPodNetwork() && wanted(*pod.nodeName, pod.ips)) keys.push_back(pod.key());
  return keys;
}

bool Engine::hasPods(const std::string& ns) const {
  const auto* record = std::as_const(state_->cluster).findNamespace(ns);
  return record != nullptr && !record->pods.empty();
}

std::vector<Namespace> Engine::namespaces() const {
  std::vector<Namespace> all;
  for (const auto& [name, ns] : std::as_const(state_->cluster).namespaces())
    if (ns.known) all.push_back({name, ns.labels->labels()});
  return all;
}

std::vector<Endpoint> Engine::endpointsOf(const base::ObjectKey& pod) const {
  return state_->locals.endpointsOf(pod);
}

std::vector<Endpoint> Engine::endpoints() const {
  return state_->locals.endpoints();
}

std::optional<base::ObjectKey> Engine::podAt(const base::IpAddress& address) const {
  const auto* owner = state_->cluster.owner(address);
  return owner == nullptr ? std::nullopt : std::optional(owner->key());
}

std::optional<base::ObjectKey> Engine::localPodAt(const base::IpAddress& address) const {
  const auto* owner = state_->cluster.owner(address);
  return owner == nullptr || !owner->local ? std::nullopt : std::optional(owner->key());
}

const NodeNetwork& Engine::network() const {
  return state_->network;
}

const std::vector<base::IpAddress>& Engine::nodeIps() const {
  return state_->nodeIps;
}

const Engine::Settings& Engine::settings() const {
  return state_->settings;
}

Engine::Counts Engine::counts() const {
  Counts counts;
  for (const auto& [name, ns] : std::as_const(state_->cluster).namespaces()) {
    if (ns.known) ++counts.namespaces;
    counts.policies += ns.policies.size();
  }
  counts.pods = state_->cluster.podCount();
  counts.endpoints = state_->locals.endpointCount();
  return counts;
}

}  // namespace kpol::policy
