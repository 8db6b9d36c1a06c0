// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "policy/address_ranges.hpp"
#include "policy/names.hpp"
#include "policy/node_network.hpp"
#include "policy/profile.hpp"

#include <map>
#include <string>
#include <vector>

namespace kpol::policy {

// The address families that local pods use. Peer sets and rules for other families are not created.
struct Families {
  bool v4 = false;
  bool v6 = false;
};

// A set that admits some of the peers of a rule.
struct PeerLookup {
  base::Family family = base::Family::V4;
  std::string set;  // empty: every address of the family
  Origins origins;
};

// The source of the elements of peer sets.
class PeerSource {
 public:
  PeerSource() = default;
  PeerSource(const PeerSource&) = delete;
  PeerSource& operator=(const PeerSource&) = delete;
  virtual ~PeerSource() = default;
  // Fills the new `set` with the addresses of `family` of all pods that one of the peers admits.
  // An implementation may only record the peers and fill the set later. Sets the size, too.
  virtual void fill(nft::Set& set, base::Family family, const std::vector<PeerSelector>& peers) = 0;
  // The same with elements address . protocol . port.
  virtual void fill(nft::Set& set, base::Family family,
                    const std::vector<NamedPortPeers>& ports) = 0;
};

// Creates the peer sets of a ruleset, each once for all rules that use it:
//   sel4-, sel6-HASH    the addresses of one selector peer (exact)
//   uni4-, uni6-HASH    the union of several selector peers (exact)
//   cidr4-, cidr6-HASH  the addresses of ipBlock peers, named after their content (interval)
//   NAME-named4, -named6  address . protocol . port of the named ports of one profile (exact)
class PeerSets {
 public:
  // If a port of a profile has more selectors than this, they are merged into one set, so that a
  // packet meets a bounded number of lookups however many policies there are. Measured
  // (docs/benchmarks.md): each further set costs a first packet 40 ns; each further set that
  // contains a pod costs 0.4 us when the pod is added.
  static constexpr std::size_t kUnionThreshold = 2;

  // What the sets are made from besides the peers. The references outlive the PeerSets.
  struct Inputs {
    PeerSource& source;
    Families families;
    const std::vector<NodeTunnel>& tunnels;  // NodeNetwork::tunnels
  };
  PeerSets(const Inputs& inputs, nft::Ruleset& ruleset, Names& names);

  // Returns the lookups that together admit `peers`, IPv4 first. Ignores `peers.any`.
  std::vector<PeerLookup> lookups(const PeerSet& peers);
  // The same for the named ports of the profile with this chain, including `any`; the elements are
  // concatenations.
  std::vector<PeerLookup> lookups(const std::vector<NamedPortPeers>& ports,
                                  const std::string& chain);
  // Whether any peers so far had an ipBlock, so that the result depends on the tunnels.
  [[nodiscard]] bool sawBlocks() const { return sawBlocks_; }

 private:
  struct Exact {  // a set of the addresses of `peers`
    Identity identity;
    std::string comment;
    Origins origins;
    std::vector<PeerSelector> peers;
  };
  void addExact(std::string_view prefix, Exact wanted, std::vector<PeerLookup>& out);
  void addSelectors(const PeerSet& peers, std::vector<PeerLookup>& out);
  void addBlocks(const PeerSet& peers, std::vector<PeerLookup>& out);
  void addTunnels(std::vector<AddressRange>& ranges) const;
  [[nodiscard]] std::vector<base::Family> families() const;

  PeerSource& source_;
  Families families_;
  const std::vector<NodeTunnel>& tunnels_;
  bool sawBlocks_ = false;
  nft::Ruleset& ruleset_;
  Names& names_;
};

// Whether the set of this name contains pods as peers. Rules use such a set only to admit packets,
// so with fewer elements the table is stricter.
bool holdsPods(const std::string& set);

// Returns the size to declare for a set of `count` elements. It leaves room to grow and has coarse
// steps, so that it rarely changes (the kernel cannot change it in place). Depends on `count` only.
std::uint32_t capacityFor(std::size_t count);

// Returns a rule's comment: the policies that admit its packets, "+N" for those that do not fit.
std::string commentOf(const Origins& origins);

// The nft type of the addresses of a family.
nft::DataType addressType(base::Family family);

}  // namespace kpol::policy
