// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

// What makes the parts of a ruleset fit one another. Private to the pure side of this room.
namespace kpol::nft {

// One part of a key: where its padded bytes start, and how many are its own.
struct KeyPart {
  DataType type;
  std::size_t offset;
  std::size_t length;
};
std::vector<KeyPart> partsOf(std::span<const DataType> types);

// The bytes of a key of these types: padded when there are several.
std::size_t lengthOf(std::span<const DataType> types);

// Why the kernel would refuse it, or nothing.
std::optional<std::string> faultOf(const Set& declaration);
std::optional<std::string> faultOf(const Element& element, const Set& set);
std::optional<std::string> faultOf(const Verdict& verdict, const Ruleset& table);
// Looks at the sets, chains and counters of `table` that the rule names.
std::optional<std::string> faultOf(const Rule& rule, const Ruleset& table);

// Whether a key could be in both: ranges that share a value, in a concatenation in every part.
// Adjacent ranges do not overlap.
bool overlap(const Element& a, const Element& b, std::span<const KeyPart> parts);

// The chain a verdict sends packets to, or nullptr.
const std::string* targetOf(const Verdict& verdict);
const std::string* targetOf(const Element& element);

}  // namespace kpol::nft
