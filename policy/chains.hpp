// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "policy/peer_sets.hpp"
#include "policy/profile.hpp"
#include "policy/snapshot.hpp"

#include <array>
#include <string>
#include <vector>

namespace kpol::policy {

// Names of the table that do not depend on any policy.
namespace names {
inline constexpr const char* kEndpoints4 = "endpoints4";
inline constexpr const char* kEndpoints6 = "endpoints6";
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
inline constexpr const char* kIngressPrefix = "in-";  // of profiles
inline constexpr const char* kEgressPrefix = "eg-";
}  // namespace names

// The conntrack label bit that marks a flow which a later policy forbade.
inline constexpr std::uint8_t kRevokedLabelBit = 127;

// The name of a profile's chain: in-NAMESPACE-HASH or eg-NAMESPACE-HASH. The hash is of what makes
// the profile (its policies' names and the pod's named ports), not of what the policies say, so
// that a changed policy changes rules and leaves the pods' dispatch alone.
std::string chainName(const ProfileKey& key, Names& names);

// Adds the chains, port maps, peer sets and counter of one profile:
//   CHAIN              named ports, port maps, then the peers admitted on any port
//   CHAIN-tcp-80       the peers admitted on that port (named after the first of equal ports)
//   CHAIN-ports        verdict map protocol . port (exact)
//   CHAIN-ranges       the same for port ranges (interval)
//   CHAIN-deny         traffic to oneself passes; all else is counted and dropped
void addProfileChains(const ProfileKey& key, const std::string& chain, PeerSets& peerSets,
                      nft::Ruleset& ruleset);

// As much of it as denies everything: what is left of a profile that cannot be programmed.
void addDenyingChains(Direction direction, const std::string& chain, nft::Ruleset& ruleset);

// The chains every ruleset has: the hooks, the endpoint checks and the dispatch.
void addBaseChains(PodToNode podToNode, nft::Ruleset& ruleset);

// The sets every ruleset has, about the local pods of one family; without elements.
std::vector<nft::Set> localSets(base::Family family);

// What the sets of localSets() say about an address of an endpoint, all but traffic to oneself:
// that interface and address belong together, and the chains that judge what leaves and enters the
// pod.
struct LocalElement {
  const char* set;
  nft::Element element;
};
// `chains` are those of the pod's profiles, by direction; empty: not isolated.
std::vector<LocalElement> localElements(const base::IfName& interface, const base::IpAddress& ip,
                                        const std::array<std::string, 2>& chains);

}  // namespace kpol::policy
