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

// The policies that select one pod, combined into the form that is compiled: by port, and for each
// port by peer.
namespace kpol::policy {

// The policies that admit a peer, for the comments of rules. Port ranges that differ only in these
// stay separate.
using Origins = std::set<base::ObjectKey>;

// A selector peer in canonical form: peers with equivalent selectors give equal values, however
// they are written.
struct PeerSelector {
  std::optional<LabelSelector> namespaceSelector;
  std::string ns;             // the namespace if there is no namespaceSelector, else empty
  LabelSelector podSelector;  // empty: all pods
  auto operator<=>(const PeerSelector&) const = default;
};
std::string toString(const PeerSelector& selector);  // "shop: app=web", "{team=a}: <all>"

// A union of peers.
struct PeerSet {
  std::optional<Origins> any;  // set: every peer is admitted, and the rest is empty
  std::map<PeerSelector, Origins> selectors;
  std::map<IpBlock, Origins> blocks;
  auto operator<=>(const PeerSet&) const = default;

  void add(const PeerSet& other);
  // Whether both contain the same peers, whatever their origins.
  [[nodiscard]] bool admitsSameAs(const PeerSet& other) const;
};

// Ports `first`..`last` of one protocol; 0..65535 means all ports. `peers` is an index in the list
// of the Profile or PortTable, whose entries are distinct, because many ports admit the same peers.
struct PortPeers {
  base::Protocol protocol = base::Protocol::Tcp;
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  std::size_t peers = 0;
};

// A named port, to be resolved on each peer pod (egress).
struct NamedPortPeers {
  base::Protocol protocol = base::Protocol::Tcp;
  std::string name;
  PeerSet peers;
};

// The port numbers of a pod's named ports: (name, protocol) -> numbers.
using NamedPorts = std::map<std::pair<std::string, base::Protocol>, std::set<std::uint16_t>>;

// Identifies a profile: pods with equal keys share their chains.
struct ProfileKey {
  Direction direction = Direction::Ingress;
  std::vector<const NetworkPolicy*> policies;  // sorted by key; all of one namespace, not empty
  NamedPorts namedPorts;  // those of the pod that these policies use (ingress only)
  bool operator<(const ProfileKey& other) const;
};

// What one profile may cost: makeProfile() and disjointPorts() stop at this many entries. A port or
// range of ports is one entry. Each distinct set of peers has one entry for each ipBlock and each
// of its excepts, and for each selector kSelectorEntries and one for each requirement, each value
// and each 32 bytes of text. Without a limit n rules with overlapping ports and different peers
// would cost n², because they have n distinct sets.
inline constexpr std::size_t kMostProfileEntries = std::size_t{1} << 17U;
inline constexpr std::size_t kSelectorEntries = 4;

struct Profile {
  PeerSet anyPort;                    // admitted on every protocol and port
  std::vector<PeerSet> peers;         // of `ports`, distinct
  std::vector<PortPeers> ports;       // as in the policies: may overlap, unordered
  std::vector<NamedPortPeers> named;  // egress only; sorted by name, each once
};

// The ports of a profile as disjoint ranges, sorted by protocol and port.
struct PortTable {
  std::vector<PeerSet> peers;  // distinct
  std::vector<PortPeers> ranges;
};

// Returns the key of the pod's profile in `direction`, or nullopt if none of `policies` isolates
// the pod. All `policies` must be of the pod's namespace and sorted by key; those that do not
// select the pod are ignored.
std::optional<ProfileKey> profileKey(const Pod& pod,
                                     const std::vector<const NetworkPolicy*>& policies,
                                     Direction direction);

// Returns nullopt if the profile has more than kMostProfileEntries.
std::optional<Profile> makeProfile(const ProfileKey& key);

// Returns each port of `profile` with all peers admitted there (including those of anyPort).
// Adjacent ranges with equal peers are joined. Ranges that admit only what anyPort admits are left
// out. Returns nullopt if the result would have more than kMostProfileEntries.
std::optional<PortTable> disjointPorts(const Profile& profile);

// The entries of a set of peers, as kMostProfileEntries counts them.
std::size_t entriesOf(const PeerSet& peers);

}  // namespace kpol::policy
