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
#include <map>
#include <set>

namespace kpol::policy {
namespace {

using nft::DataType;

// A set of the table that always exists, filled element by element.
nft::Set fixedSet(const char* name, std::vector<DataType> key, nft::Set::Kind kind) {
  nft::Set set;
  set.name = name;
  set.kind = kind;
  set.key = std::move(key);
  return set;
}

// The sets about local pods of one family.
struct LocalSets {
  explicit LocalSets(base::Family family)
      : endpoints(fixedSet(v4(family) ? names::kEndpoints4 : names::kEndpoints6,
                           {DataType::IfName, addressType(family)}, nft::Set::Kind::Set)),
        self(fixedSet(v4(family) ? names::kSelf4 : names::kSelf6,
                      {addressType(family), addressType(family)}, nft::Set::Kind::Set)),
        ingress(fixedSet(v4(family) ? names::kIngress4 : names::kIngress6, {addressType(family)},
                         nft::Set::Kind::VerdictMap)),
        egress(fixedSet(v4(family) ? names::kEgress4 : names::kEgress6, {addressType(family)},
                        nft::Set::Kind::VerdictMap)) {}

  void moveTo(nft::Ruleset& ruleset) {
    for (auto* set : {&endpoints, &self, &ingress, &egress}) {
      std::sort(set->elements.begin(), set->elements.end());
      set->elements.erase(std::unique(set->elements.begin(), set->elements.end()),
                          set->elements.end());
      set->size = capacityFor(set->elements.size());
      ruleset.add(std::move(*set));
    }
  }

  nft::Set endpoints;
  nft::Set self;
  nft::Set ingress;
  nft::Set egress;

 private:
  static bool v4(base::Family family) { return family == base::Family::V4; }
};

// One pass over a snapshot.
class Compiler {
 public:
  explicit Compiler(const Snapshot& snapshot)
      : snapshot_(snapshot),
        membership_(snapshot),
        families_(familiesOf(snapshot)),
        peers_(membership_),
        peerSets_(peers_, families_, result_.ruleset, names_) {}

  CompileResult run() {
    addBaseChains(snapshot_.podToNode, result_.ruleset);
    for (const auto& endpoint : snapshot_.endpoints)
      // An endpoint whose pod is unknown, or over, stays out of every set: its interface is silent.
      if (const auto* member = membership_.find(endpoint.pod)) addEndpoint(endpoint, *member);
    for (const auto& [key, chain] : profiles_)
      addProfileChains(key, chain, peerSets_, result_.ruleset);
    v4_.moveTo(result_.ruleset);
    v6_.moveTo(result_.ruleset);
    addHostPorts(hostPorts_, result_.ruleset);
    // After the checks of endpoints, before any policy is asked.
    std::move(guarded_).addTo(result_.ruleset, {{"forward4", 2, base::Family::V4},
                                                {"forward6", 2, base::Family::V6},
                                                {"from-pod", 3, base::Family::V4},
                                                {"from-pod", 3, base::Family::V6}});
    return std::move(result_);
  }

 private:
  static Families familiesOf(const Snapshot& snapshot) {
    Families families;
    for (const auto& endpoint : snapshot.endpoints)
      for (const auto& ip : endpoint.ips) (ip.isV4() ? families.v4 : families.v6) = true;
    return families;
  }

  LocalSets& setsOf(const base::IpAddress& ip) { return ip.isV4() ? v4_ : v6_; }

  void addEndpoint(const Endpoint& endpoint, const Member& member) {
    hostPorts_.add(endpoint);
    guard(endpoint, *member.pod);
    const auto ingress = profileChain(*member.pod, Direction::Ingress);
    const auto egress = profileChain(*member.pod, Direction::Egress);
    for (const auto& ip : endpoint.ips) {
      auto& sets = setsOf(ip);
      const auto key = nft::Key::of(ip);
      sets.endpoints.elements.push_back(
          nft::element(nft::Key::of(endpoint.hostInterface).dot(key)));
      for (const auto& own : member.ips)
        if (own.family() == ip.family())
          sets.self.elements.push_back(nft::element(key.dot(nft::Key::of(own))));
      if (ingress) sets.ingress.elements.push_back(dispatch(key, *ingress));
      if (egress) sets.egress.elements.push_back(dispatch(key, *egress));
    }
  }

  void guard(const Endpoint& endpoint, const Pod& pod) {
    if (!snapshot_.metadataGuard.on) return;
    const auto egress = profileKey(pod, policiesIn(pod.key.ns), Direction::Egress);
    guarded_.add(pod.key.ns, findNamespace(snapshot_, pod.key.ns),
                 egress ? egress->policies : std::vector<const NetworkPolicy*>{}, endpoint.ips);
  }

  static nft::Element dispatch(const nft::Key& key, const std::string& chain) {
    return nft::element(key, {nft::Verdict::Kind::Goto, chain});
  }

  // The chain of the pod's profile, or nothing when no policy isolates it in that direction.
  std::optional<std::string> profileChain(const Pod& pod, Direction direction) {
    const auto key = profileKey(pod, policiesIn(pod.key.ns), direction);
    if (!key) return std::nullopt;
    const auto known = profiles_.find(*key);
    if (known != profiles_.end()) return known->second;
    return profiles_.emplace(*key, chainName(*key, names_)).first->second;
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
  LocalSets v4_{base::Family::V4};
  LocalSets v6_{base::Family::V6};
  HostPortMaps hostPorts_;
  GuardedPods guarded_{snapshot_.metadataGuard};
  std::map<ProfileKey, std::string> profiles_;
  std::map<std::string, std::vector<const NetworkPolicy*>> policies_;
};

}  // namespace

CompileResult compile(const Snapshot& snapshot) {
  return Compiler(snapshot).run();
}

}  // namespace kpol::policy
