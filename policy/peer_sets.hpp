// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
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

// Where the elements of sets of peers come from.
class PeerSource {
 public:
  PeerSource() = default;
  PeerSource(const PeerSource&) = delete;
  PeerSource& operator=(const PeerSource&) = delete;
  virtual ~PeerSource() = default;
  // The addresses of the family of all pods that some of the peers admit; makes the elements and
  // the size of `set`.
  virtual void fill(nft::Set& set, base::Family family, const std::vector<PeerSelector>& peers) = 0;
  // The same with keys address . protocol . port.
  virtual void fill(nft::Set& set, base::Family family,
                    const std::vector<NamedPortPeers>& ports) = 0;
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

  PeerSets(PeerSource& source, Families families, nft::Ruleset& ruleset, Names& names);

  // The lookups that together admit `peers` (not `any`), IPv4 first.
  std::vector<PeerLookup> lookups(const PeerSet& peers);
  // As above, for the named ports of the profile whose chain is `chain`; keys are concatenations.
  std::vector<PeerLookup> lookups(const std::vector<NamedPortPeers>& ports,
                                  const std::string& chain);

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
  [[nodiscard]] std::vector<base::Family> families() const;

  PeerSource& source_;
  Families families_;
  nft::Ruleset& ruleset_;
  Names& names_;
};

// Whether the set of this name holds peers whose pods come and go. Rules ask such a set only
// whether to let a packet pass: with fewer elements the table is stricter.
bool holdsPods(const std::string& set);

// The size to declare for a set of `count` elements: it leaves room to grow, and steps coarsely so
// that it seldom changes (the kernel cannot change it in place). A function of `count` alone.
std::uint32_t capacityFor(std::size_t count);

// Of all policies that let a rule through, as many as fit into a rule's comment.
std::string commentOf(const Origins& origins);

// Set types by family.
nft::DataType addressType(base::Family family);

}  // namespace kpol::policy
