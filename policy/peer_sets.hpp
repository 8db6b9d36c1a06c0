// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "policy/membership.hpp"
#include "policy/names.hpp"
#include "policy/profile.hpp"

#include <map>
#include <string>
#include <vector>

namespace kpol::policy {

// The address families that local pods use; sets and rules of a family nobody here has are not
// made.
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

// Makes the sets of a ruleset that hold peers, once for all rules that use them:
//   sel4-, sel6-HASH    the addresses of one selector peer (exact)
//   uni4-, uni6-HASH    the union of several selector peers (exact)
//   cidr4-, cidr6-HASH  the addresses of ipBlock peers, named after what they hold (interval)
//   NAME-named4, -named6  address . protocol . port of the named ports of one profile (exact)
class PeerSets {
 public:
  // More selectors than this on one port of one profile are merged, so that a packet meets a
  // bounded number of lookups however many policies there are. Measured (docs/benchmarks.md): each
  // set more to ask costs a first packet 40 ns, each set more that has a pod 0.4 us at its coming.
  static constexpr std::size_t kUnionThreshold = 2;

  PeerSets(const Membership& membership, Families families, nft::Ruleset& ruleset, Names& names);

  // The lookups that together admit `peers` (not `any`), IPv4 first.
  std::vector<PeerLookup> lookups(const PeerSet& peers);
  // As above, for the named ports of the profile whose chain is `chain`; keys are concatenations.
  std::vector<PeerLookup> lookups(const std::vector<NamedPortPeers>& ports,
                                  const std::string& chain);

 private:
  struct Source {  // where the members of a set come from
    Identity identity;
    std::string comment;
    Origins origins;
    std::vector<base::IpAddress> addresses;
  };
  void addExact(std::string_view prefix, Source source, std::vector<PeerLookup>& out);
  void addSelectors(const PeerSet& peers, std::vector<PeerLookup>& out);
  void addBlocks(const PeerSet& peers, std::vector<PeerLookup>& out);
  const std::vector<base::IpAddress>& addressesOf(const PeerSelector& selector);
  [[nodiscard]] std::vector<base::Family> families() const;

  const Membership& membership_;
  Families families_;
  nft::Ruleset& ruleset_;
  Names& names_;
  std::map<PeerSelector, std::vector<base::IpAddress>> addresses_;
};

// The size to declare for a set of `count` elements: it leaves room to grow, and steps coarsely so
// that it seldom changes (the kernel cannot change it in place). A function of `count` alone.
std::uint32_t capacityFor(std::size_t count);

// Of all policies that let a rule through, as many as fit into a rule's comment.
std::string commentOf(const Origins& origins);

// Set types by family.
nft::DataType addressType(base::Family family);

}  // namespace kpol::policy
