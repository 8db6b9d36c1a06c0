// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace kpol::policy {

// A string that identifies an object by its parts without ambiguity: each part is preceded by its
// length, so ("a-b", "c") and ("a", "b-c") differ. Input of Names.
class Identity {
 public:
  Identity& add(std::string_view part);
  Identity& add(std::uint64_t number);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Creates names for nft objects: PREFIX-HASH with 12 hex digits. They are readable, stable across
// restarts and unique for each identity. If two identities with one prefix have the same hash, the
// one requested later gets another, so request names in a fixed order.
class Names {
 public:
  std::string name(std::string_view prefix, const Identity& identity);

 private:
  std::map<std::string, std::string> owner_;  // name -> identity
};

// Returns the 12 hex digits that stand for an identity in a name, for a name that is unique without
// them.
std::string digitsOf(const Identity& identity);

// Returns `text` cut to at most `bytes` (>= 3), with "..." in place of the rest.
std::string cut(std::string text, std::size_t bytes);

}  // namespace kpol::policy
