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
// Stores the identity of each name, so forget() names that are no longer used.
class Names {
 public:
  std::string name(std::string_view prefix, const Identity& identity);

  // Whether the stored names have grown to more than twice their size after the last forget(), so
  // that it is worth its cost.
  [[nodiscard]] bool shouldForget() const { return bytes_ > 2 * keptBytes_ + kSpareBytes; }
  // Forgets the names for which `isUsed(name)` is false.
  template <class IsUsed>
  void forget(IsUsed isUsed) {
    std::erase_if(owner_, [&](const auto& entry) { return !isUsed(entry.first); });
    bytes_ = 0;
    for (const auto& [name, identity] : owner_) bytes_ += name.size() + identity.size();
    keptBytes_ = bytes_;
  }
  // The length of all stored names and identities.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

 private:
  static constexpr std::size_t kSpareBytes = 64 * 1024;

  std::map<std::string, std::string> owner_;  // name -> identity
  std::size_t bytes_ = 0;
  std::size_t keptBytes_ = 0;  // by the last forget()
};

// Returns the 12 hex digits that stand for an identity in a name, for a name that is unique without
// them.
std::string digitsOf(const Identity& identity);

// Returns `text` cut to at most `bytes` (>= 3), with "..." in place of the rest.
std::string cut(std::string text, std::size_t bytes);

}  // namespace kpol::policy
