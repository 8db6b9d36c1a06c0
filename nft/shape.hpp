// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

// Private to nft/: validates the parts of a ruleset. Pure.
namespace kpol::nft {

// One part of a key: where its bytes start, and their number without padding.
struct KeyPart {
  DataType type;
  std::size_t offset;
  std::size_t length;
};
std::vector<KeyPart> partsOf(std::span<const DataType> types);

// The length of a key of these types in bytes, with padding if there are several types.
std::size_t lengthOf(std::span<const DataType> types);

// Return why the value is invalid (rejected by the kernel, or meaningless), or nullopt.
std::optional<std::string> faultOf(const Set& declaration);
std::optional<std::string> faultOf(const Element& element, const Set& set);
std::optional<std::string> faultOf(const Verdict& verdict, const Ruleset& table);
// Also checks the sets, chains and counters of `table` that the rule refers to.
std::optional<std::string> faultOf(const Rule& rule, const Ruleset& table);

// Whether a key could be in both ranges; in a concatenation, all parts must overlap. Adjacent
// ranges do not overlap.
bool overlap(const Element& a, const Element& b, std::span<const KeyPart> parts);

// The target chain of a jump or goto verdict, else nullptr.
const std::string* targetOf(const Verdict& verdict);
const std::string* targetOf(const Element& element);

}  // namespace kpol::nft
