// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/object_key.hpp"
#include "base/protocol.hpp"
#include "policy/objects.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

// What the policies that select one pod say together, in the shape in which it is compiled: by
// port, and for each port by peer.
namespace kpol::policy {

// The policies a statement of a profile comes from; for comments only.
using Origins = std::set<base::ObjectKey>;

// A selector peer in canonical form: equal for all policies that select the same pods in the same
// words, whatever the spelling.
struct PeerSelector {
  std::optional<LabelSelector> namespaceSelector;
  std::string ns;             // the one namespace, where there is no namespaceSelector; else empty
  LabelSelector podSelector;  // empty: all pods
  auto operator<=>(const PeerSelector&) const = default;
};
std::string toString(const PeerSelector& selector);  // "shop: app=web", "{team=a}: <all>"

// A union of peers.
struct PeerSet {
  std::optional<Origins> any;  // set: every peer; then the rest is empty, as it adds nothing
  std::map<PeerSelector, Origins> selectors;
  std::map<IpBlock, Origins> blocks;
  bool operator==(const PeerSet&) const = default;

  void add(const PeerSet& other);
  // Whether both admit the same peers in the same words, whoever said so.
  [[nodiscard]] bool admitsSameAs(const PeerSet& other) const;
};

// Ports `first`..`last` of one protocol; 0..65535 are all of them.
struct PortPeers {
  base::Protocol protocol = base::Protocol::Tcp;
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  PeerSet peers;
};

// A port known by name, to be looked up on each peer pod (egress).
struct NamedPortPeers {
  base::Protocol protocol = base::Protocol::Tcp;
  std::string name;
  PeerSet peers;
};

// Which ports a pod's named ports mean: (name, protocol) -> numbers.
using NamedPorts = std::map<std::pair<std::string, base::Protocol>, std::set<std::uint16_t>>;

// What identifies a profile: pods with equal keys share their chains.
struct ProfileKey {
  Direction direction = Direction::Ingress;
  std::vector<const NetworkPolicy*> policies;  // sorted by key; all of one namespace, not empty
  NamedPorts namedPorts;  // of the pod, as far as these policies ask for them (ingress)
  bool operator<(const ProfileKey& other) const;
};

struct Profile {
  PeerSet anyPort;                    // admitted whatever the protocol and port
  std::vector<PortPeers> ports;       // as the policies list them: overlapping, unordered
  std::vector<NamedPortPeers> named;  // of egress
};

// The profiles of `pod`: the key of each direction in which some of `policies` (all of the pod's
// namespace) isolates it, else nothing.
std::optional<ProfileKey> profileKey(const Pod& pod,
                                     const std::vector<const NetworkPolicy*>& policies,
                                     Direction direction);

Profile makeProfile(const ProfileKey& key);

// The ports of `profile` as disjoint ranges, sorted by protocol and port, neighbours with equal
// peers joined, each with all peers admitted there (those of anyPort included). Ranges that admit
// just what anyPort admits are left out.
std::vector<PortPeers> disjointPorts(const Profile& profile);

}  // namespace kpol::policy
