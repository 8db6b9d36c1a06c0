// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <compare>
#include <string>
#include <variant>
#include <vector>

namespace kpol::nft {

struct AddTable {
  auto operator<=>(const AddTable&) const = default;
};
struct DeleteTable {
  auto operator<=>(const DeleteTable&) const = default;
};
struct AddCounter {
  std::string name;
  auto operator<=>(const AddCounter&) const = default;
};
struct DeleteCounter {
  std::string name;
  auto operator<=>(const DeleteCounter&) const = default;
};
struct AddChain {
  std::string name;
  std::optional<BaseChain> base;
  auto operator<=>(const AddChain&) const = default;
};
struct FlushChain {
  std::string name;
  auto operator<=>(const FlushChain&) const = default;
};
struct DeleteChain {
  std::string name;
  auto operator<=>(const DeleteChain&) const = default;
};
struct AddRule {  // appended
  std::string chain;
  Rule rule;
  auto operator<=>(const AddRule&) const = default;
};
struct AddSet {
  Set declaration;  // no elements
  auto operator<=>(const AddSet&) const = default;
};
struct DeleteSet {
  std::string name;
  auto operator<=>(const DeleteSet&) const = default;
};
struct AddElements {
  std::string set;
  std::vector<Element> elements;  // never empty
  auto operator<=>(const AddElements&) const = default;
};
struct DeleteElements {
  std::string set;
  std::vector<Element> elements;  // never empty
  auto operator<=>(const DeleteElements&) const = default;
};
struct FlushSet {
  std::string name;
  auto operator<=>(const FlushSet&) const = default;
};

using Change =
    std::variant<AddTable, DeleteTable, AddCounter, DeleteCounter, AddChain, FlushChain,
                 DeleteChain, AddRule, AddSet, DeleteSet, AddElements, DeleteElements, FlushSet>;

// An ordered list of changes to one table. Empty means: nothing to do, no system call.
struct ChangeSet {
  std::string table = "kpol";
  std::vector<Change> changes;
  [[nodiscard]] bool empty() const { return changes.empty(); }
  auto operator<=>(const ChangeSet&) const = default;
};

// The ruleset after `changes`. `from` is nothing when there is no table; so is the result after
// DeleteTable. A change that does not fit (deletes what is not there, adds what is) throws
// std::invalid_argument naming it: this is the strict model of what the kernel does.
std::optional<Ruleset> apply(const ChangeSet& changes, std::optional<Ruleset> from);

// One change as the nft command a person would type: `add element inet kpol x { 10.0.0.1 }`.
// Needs `context` (the ruleset before or after) for the types of a set's elements.
std::string toString(const Change& change, const Ruleset& context);

}  // namespace kpol::nft
