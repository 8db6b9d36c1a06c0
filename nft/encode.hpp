// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/batch.hpp"
#include "nft/change_set.hpp"
#include "nft/handles.hpp"

#include <cstdint>
#include <map>
#include <string>

// Private to nft/: encodes changes as nf_tables messages. Pure.
namespace kpol::nft {

// The sets of the table, by name, without elements. The encoding of elements depends on the
// declaration of their set.
using Declarations = std::map<std::string, Set, std::less<>>;

// Appends changes to a batch, in order. All added objects except rules must be new to the kernel
// (NLM_F_EXCL). Thus a ruleset that differs from the caller's is an error and never merged
// silently.
class Encoder {
 public:
  // `declarations` must contain every set that elements are added to or deleted from, unless the
  // changes add the set. It is updated with the changes. An unknown set is encoded as a plain one
  // (the kernel will reject the change). All three must outlive this object.
  Encoder(const std::string& table, Declarations& declarations, Batch& batch)
      : table_(table), declarations_(declarations), batch_(batch) {}

  // Sets NFTA_TABLE_FLAGS of tables added from now on.
  void tableFlags(std::uint32_t flags) { tableFlags_ = flags; }

  // `origin` is the position of the change in its change set and, for a slice of elements, the
  // position of the slice in the change.
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

// Appends a NEWTABLE that takes over an existing table with these flags, or creates it.
void encodeAdoption(const std::string& table, std::uint32_t flags, Batch& batch);

// The rule with the expressions that nft would generate.
RulePtr encodeRule(const std::string& table, const std::string& chain, const Rule& rule);
// An upper bound for the bytes of the rule's message.
std::size_t roomFor(const Rule& rule);

SetPtr encodeSet(const std::string& table, const Set& declaration, std::uint32_t id);

// Parameters of the messages that add elements to a set or delete them.
struct ElementMessages {
  const std::string& table;
  const Set& set;    // declaration
  Batch::Kind kind;  // NFT_MSG_NEWSETELEM, NFT_MSG_DELSETELEM
  Batch::Origin origin;
};
void encodeElements(const ElementMessages& messages, const std::vector<Element>& elements,
                    Batch& batch);

}  // namespace kpol::nft
