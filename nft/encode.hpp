// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/batch.hpp"
#include "nft/change_set.hpp"
#include "nft/handles.hpp"

#include <cstdint>
#include <map>
#include <string>

// Private to nft/: changes as nf_tables messages. Pure.
namespace kpol::nft {

// The sets of the table, by name, without their elements: how elements are written depends on the
// declaration of their set.
using Declarations = std::map<std::string, Set, std::less<>>;

// Appends changes to a batch, in order. Everything that is added must be new to the kernel
// (NLM_F_EXCL): a ruleset that is not as the caller believes is an error, never silently merged.
class Encoder {
 public:
  // `declarations` must know every set that elements are added to or deleted from, unless the same
  // changes add it; it follows the changes. An unknown set is taken for a plain one (the kernel
  // will refuse the change). All three must outlive this.
  Encoder(const std::string& table, Declarations& declarations, Batch& batch)
      : table_(table), declarations_(declarations), batch_(batch) {}

  // NFTA_TABLE_FLAGS of the tables made from now on.
  void tableFlags(std::uint32_t flags) { tableFlags_ = flags; }

  // `origin` is the change's place in its change set and, of a slice of elements, the slice's place
  // in the change.
  void encode(const Change& change, Batch::Origin origin);

 private:
  void put(const AddTable& change);
  void put(const DeleteTable& change);
  void put(const AddCounter& change);
  void put(const DeleteCounter& change);
  void put(const AddChain& change);
  void put(const FlushChain& change);
  void put(const DeleteChain& change);
  void put(const AddRule& change);
  void put(const AddSet& change);
  void put(const DeleteSet& change);
  void put(const AddElements& change);
  void put(const DeleteElements& change);
  void put(const FlushSet& change);
  const Set& knownSet(const std::string& name);

  const std::string& table_;
  Declarations& declarations_;
  Batch& batch_;
  std::uint32_t tableFlags_ = 0;
  std::uint32_t nextSetId_ = 1;
  Batch::Origin origin_;
};

// NEWTABLE that takes an existing table with these flags, or makes it.
void encodeAdoption(const std::string& table, std::uint32_t flags, Batch& batch);

// The rule with its expressions, as nft would make them.
RulePtr encodeRule(const std::string& table, const std::string& chain, const Rule& rule);
// An upper bound of the bytes its message needs.
std::size_t roomFor(const Rule& rule);

SetPtr encodeSet(const std::string& table, const Set& declaration, std::uint32_t id);

// The messages that add elements to a set or delete them from it.
struct ElementMessages {
  const std::string& table;
  const Set& set;    // the declaration
  Batch::Kind kind;  // NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM
  Batch::Origin origin;
};
void encodeElements(const ElementMessages& messages, const std::vector<Element>& elements,
                    Batch& batch);

}  // namespace kpol::nft
