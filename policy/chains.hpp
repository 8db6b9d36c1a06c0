// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "policy/peer_sets.hpp"
#include "policy/profile.hpp"
#include "policy/snapshot.hpp"

#include <array>
#include <optional>
#include <string>
#include <vector>

namespace kpol::policy {

// Names of objects in the table that do not depend on any policy.
namespace names {
inline constexpr const char* kEndpoints4 = "endpoints4";
inline constexpr const char* kEndpoints6 = "endpoints6";
inline constexpr const char* kPodAddresses4 = "pod-addresses4";
inline constexpr const char* kPodAddresses6 = "pod-addresses6";
inline constexpr const char* kSelf4 = "self4";
inline constexpr const char* kSelf6 = "self6";
inline constexpr const char* kFrom4 = "from4";
inline constexpr const char* kFrom6 = "from6";
inline constexpr const char* kTo4 = "to4";
inline constexpr const char* kTo6 = "to6";
inline constexpr const char* kIngress4 = "ingress4";
inline constexpr const char* kIngress6 = "ingress6";
inline constexpr const char* kEgress4 = "egress4";
inline constexpr const char* kEgress6 = "egress6";
inline constexpr const char* kNewFlow = "new-flow";
inline constexpr const char* kUnknownCounter = "unknown-endpoint";
inline constexpr const char* kRevokedCounter = "revoked";
inline constexpr const char* kMetadataCounter = "metadata-guard";
inline constexpr const char* kIngressPrefix = "in-";  // name prefixes of profiles
inline constexpr const char* kEgressPrefix = "eg-";
}  // namespace names

// The conntrack label bit of flows that a later policy forbids.
inline constexpr std::uint8_t kRevokedLabelBit = 127;

// Returns the name of a profile: in-NAMESPACE-HASH or eg-NAMESPACE-HASH. The hash covers what
// identifies the profile (its policies' names and the pod's named ports) but not the content of the
// policies.
std::string profileName(const ProfileKey& key, Names& names);

// The chain to which the dispatch maps lead the packets of a profile's pods.
struct ProfileChain {
  std::string name;
  bool oversized = false;  // the profile is larger than kMostProfileEntries allows
};
// Adds the chains, port maps, peer sets and counter (NAME) of one profile:
//   NAME-HASH          named ports, port maps, then the peers admitted on any port
//   NAME-HASH-ports    verdict map protocol . port (exact)
//   NAME-HASH-ranges   the same for port ranges (interval)
//   NAME-tcp-80-HASH   the peers admitted on that port; named after the first port with these peers
//   NAME-deny          accepts traffic of a pod to itself; counts and drops everything else
// Each HASH is of the content, so what a chain does never changes, except for the elements of peer
// sets: other content has another chain, to which the dispatch maps lead. A packet that is on its
// way during the commit is evaluated by one of them (nft/batch_split.hpp). Returns NAME-HASH, or,
// for an oversized profile, what addDenyingChains() adds and returns.
ProfileChain addProfileChains(const ProfileKey& key, const std::string& name, PeerSets& peerSets,
                              nft::Ruleset& ruleset);

// Adds only NAME-deny and the counter, so that everything except traffic of a pod to itself is
// denied, and returns NAME-deny. Used for a profile that the kernel rejects.
std::string addDenyingChains(const std::string& name, nft::Ruleset& ruleset);

// Adds the chains and counters that every ruleset has: hooks, endpoint checks and dispatch.
void addBaseChains(PodToNode podToNode, nft::Ruleset& ruleset);

// Returns the sets about local pods that every ruleset has, for one family and without elements.
std::vector<nft::Set> localSets(base::Family family);

// An element of one of the localSets(). It states that an interface and an address belong together,
// or which chain evaluates the packets that leave or enter the pod.
struct LocalElement {
  const char* set;
  nft::Element element;
};
// Returns the elements for one address of an endpoint, except those of self4 and self6.
// `interface`: nullopt if it is not known, so that the pod is found by its address only. `chains`:
// those of the pod's profiles (ProfileChain::name) by direction; an empty name means not isolated.
// `owned`: the pod owns the address. Maps from an address alone can lead to one chain only, the
// owner's.
std::vector<LocalElement> localElements(const std::optional<base::IfName>& interface,
                                        const base::IpAddress& ip,
                                        const std::array<std::string, 2>& chains, bool owned);

}  // namespace kpol::policy
