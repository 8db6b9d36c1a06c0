// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

namespace kpol::policy {

// A text that identifies one thing by its parts without ambiguity: every part is preceded by its
// length, so that ("a-b", "c") and ("a", "b-c") differ. Input of Names.
class Identity {
 public:
  Identity& add(std::string_view part);
  Identity& add(std::uint64_t number);
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// Gives nft objects names that are readable, stable across restarts and never shared by two
// identities: PREFIX-HASH with 12 hex digits. Should two identities of one prefix ever have one
// hash, the one asked for later gets another, so ask in a fixed order.
class Names {
 public:
  std::string name(std::string_view prefix, const Identity& identity);

 private:
  std::map<std::string, std::string> owner_;  // name -> identity
};

// `text` cut to at most `bytes`, with "..." in place of what is missing.
std::string cut(std::string text, std::size_t bytes);

}  // namespace kpol::policy
