// SPDX-License-Identifier: Apache-2.0
#include "policy/compile.hpp"

#include "policy/chains.hpp"
#include "policy/host_ports.hpp"
#include "policy/membership.hpp"
#include "policy/names.hpp"
#include "policy/peer_sets.hpp"
#include "policy/profile.hpp"
#include "policy/snapshot_peers.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace kpol::policy {
namespace {

// One pass over a snapshot.
class Compiler {
 public:
  explicit Compiler(const Snapshot& snapshot)
      : snapshot_(snapshot),
        membership_(snapshot),
        families_(familiesOf(snapshot)),
        peers_(membership_),
        peerSets_({peers_, families_, snapshot.network.tunnels}, result_.ruleset, names_) {}

  CompileResult run() {
    addBaseChains(snapshot_.podToNode, result_.ruleset);
    for (const auto family : {base::Family::V4, base::Family::V6})
      for (auto& set : localSets(family)) result_.ruleset.add(std::move(set));
    for (const auto& endpoint : snapshot_.endpoints)
      // An endpoint whose pod is unknown or has no pod network is in no set, so that packets of its
      // kpol interface are dropped.
      if (const auto* member = membership_.find(endpoint.pod)) addEndpoint(endpoint, *member);
    for (auto& [name, elements] : local_) setElements(name, std::move(elements));
    addHostPorts(hostPorts_, snapshot_.hostPortIps, result_.ruleset);
    addNodeNetwork(snapshot_.network, result_.ruleset);
    // Before any policy is evaluated.
    std::move(guarded_).addTo(result_.ruleset, {{names::kNewFlow, 0, base::Family::V4},
                                                {names::kNewFlow, 1, base::Family::V6},
                                                {"from-pod", 1, base::Family::V4},
                                                {"from-pod", 1, base::Family::V6}});
    return std::move(result_);
  }

 private:
  static Families familiesOf(const Snapshot& snapshot) {
    Families families;
    for (const auto& endpoint : snapshot.endpoints)
      for (const auto& ip : endpoint.ips) (ip.isV4() ? families.v4 : families.v6) = true;
    return families;
  }

  void addEndpoint(const Endpoint& endpoint, const Member& member) {
    hostPorts_.add(endpoint);
    guard(endpoint, *member.pod);
    const std::array chains{profileChain(*member.pod, Direction::Ingress),
                            profileChain(*member.pod, Direction::Egress)};
    for (const auto& ip : endpoint.ips) {
      const bool owned = std::ranges::binary_search(member.ips, ip);
      for (auto& [set, element] : localElements(endpoint.hostInterface, ip, chains, owned))
        local_[set].push_back(std::move(element));
      auto& self = local_[ip.isV4() ? names::kSelf4 : names::kSelf6];
      for (const auto& own : member.ips)
        if (own.family() == ip.family())
          self.push_back(nft::element(nft::Key::of(ip).dot(nft::Key::of(own))));
    }
  }

  void setElements(const std::string& name, std::vector<nft::Element> elements) {
    std::sort(elements.begin(), elements.end());
    elements.erase(std::unique(elements.begin(), elements.end()), elements.end());
    auto& set = result_.ruleset.sets.at(name);
    set.size = capacityFor(elements.size());
    set.elements = std::move(elements);
  }

  void guard(const Endpoint& endpoint, const Pod& pod) {
    guarded_.add(pod.key.ns, findNamespace(snapshot_, pod.key.ns), endpoint.ips);
  }

  // The chain of the pod's profile; empty if no policy isolates it in that direction.
  std::string profileChain(const Pod& pod, Direction direction) {
    const auto key = profileKey(pod, policiesIn(pod.key.ns), direction);
    if (!key) return {};
    const auto known = profiles_.find(*key);
    if (known != profiles_.end()) return known->second;
    auto chain = addProfileChains(*key, profileName(*key, names_), peerSets_, result_.ruleset);
    return profiles_.emplace(*key, std::move(chain.name)).first->second;
  }

  const std::vector<const NetworkPolicy*>& policiesIn(const std::string& ns) {
    const auto [entry, isNew] = policies_.try_emplace(ns);
    if (isNew)
      for (const auto& policy : snapshot_.policies)
        if (policy.key.ns == ns) entry->second.push_back(&policy);
    return entry->second;
  }

  const Snapshot& snapshot_;
  CompileResult result_;
  Names names_;
  Membership membership_;
  Families families_;
  SnapshotPeers peers_;
  PeerSets peerSets_;
  std::map<std::string, std::vector<nft::Element>> local_;  // of localSets(), by name
  HostPortMaps hostPorts_;
  GuardedPods guarded_{snapshot_.metadataGuard};
  std::map<ProfileKey, std::string> profiles_;  // their chains
  std::map<std::string, std::vector<const NetworkPolicy*>> policies_;
};

}  // namespace

CompileResult compile(const Snapshot& snapshot) {
  return Compiler(snapshot).run();
}

}  // namespace kpol::policy
