// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/objects.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kpol::policy {

// Each distinct text once, for as long as somebody holds it.
class StringTable {
 public:
  // Valid until release()d as often as it was interned.
  const std::string* intern(std::string_view text);
  void release(const std::string* text);
  [[nodiscard]] std::size_t size() const { return holders_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept {
      return std::hash<std::string_view>{}(text);
    }
  };
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> holders_;
};

// The labels of one or many objects: as Labels, but every text is in a StringTable.
class InternedLabels {
 public:
  using Entry = std::pair<const std::string*, const std::string*>;

  explicit InternedLabels(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  // The value of `key`, or null when the key is absent.
  [[nodiscard]] const std::string* find(std::string_view key) const;
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }  // sorted by key
  [[nodiscard]] Labels labels() const;
  bool operator<(const InternedLabels& other) const { return entries_ < other.entries_; }

 private:
  std::vector<Entry> entries_;
};

// Each distinct set of labels once, for as long as some object has it: the pods of a workload share
// theirs.
class LabelTable {
 public:
  explicit LabelTable(StringTable& strings) : strings_(strings) {}

  // Valid until release()d as often as it was interned. Equal labels give equal pointers.
  const InternedLabels* intern(const Labels& labels);
  void release(const InternedLabels* labels);
  [[nodiscard]] std::size_t size() const { return holders_.size(); }

 private:
  void releaseTexts(const InternedLabels& labels);

  StringTable& strings_;
  std::map<InternedLabels, std::uint32_t> holders_;
};

}  // namespace kpol::policy
