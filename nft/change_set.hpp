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

// An ordered list of changes to one table. An empty one needs no system call.
struct ChangeSet {
  std::string table = "kpol";
  std::vector<Change> changes;
  [[nodiscard]] bool empty() const { return changes.empty(); }
  auto operator<=>(const ChangeSet&) const = default;
};

// Returns the ruleset after `changes`. nullopt means that the table does not exist, in `from` and
// in the result. Throws std::invalid_argument with the name of a change that is not possible (e.g.
// deletes a missing object or adds an existing one). This is a strict model of the kernel.
std::optional<Ruleset> apply(const ChangeSet& changes, std::optional<Ruleset> from);

// One change as an nft command: `add element inet kpol x { 10.0.0.1 }`. `context` is the ruleset
// before or after the change; it provides the table's name and the types of a set's elements.
std::string toString(const Change& change, const Ruleset& context);

}  // namespace kpol::nft
