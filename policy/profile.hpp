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
  bool operator==(const PeerSet&) const = default;

  void add(const PeerSet& other);
  // Whether both contain the same peers, whatever their origins.
  [[nodiscard]] bool admitsSameAs(const PeerSet& other) const;
};

// Ports `first`..`last` of one protocol; 0..65535 means all ports.
struct PortPeers {
  base::Protocol protocol = base::Protocol::Tcp;
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  PeerSet peers;
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

struct Profile {
  PeerSet anyPort;                    // admitted on every protocol and port
  std::vector<PortPeers> ports;       // as in the policies: may overlap, unordered
  std::vector<NamedPortPeers> named;  // egress only
};

// Returns the key of the pod's profile in `direction`, or nullopt if none of `policies` isolates
// the pod. All `policies` must be of the pod's namespace and sorted by key; those that do not
// select the pod are ignored.
std::optional<ProfileKey> profileKey(const Pod& pod,
                                     const std::vector<const NetworkPolicy*>& policies,
                                     Direction direction);

Profile makeProfile(const ProfileKey& key);

// Returns the ports of `profile` as disjoint ranges, sorted by protocol and port, each with all
// peers admitted there (including those of anyPort). Adjacent ranges with equal peers are joined.
// Ranges that admit only what anyPort admits are left out.
std::vector<PortPeers> disjointPorts(const Profile& profile);

}  // namespace kpol::policy
