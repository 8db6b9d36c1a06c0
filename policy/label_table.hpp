// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/text_hash.hpp"
#include "policy/objects.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kpol::policy {

// Stores each distinct string once, with a reference count.
class StringTable {
 public:
  // The pointer is valid until release() was called as often as intern().
  const std::string* intern(std::string_view text);
  void release(const std::string* text);
  // Null if the string is not stored.
  [[nodiscard]] const std::string* find(std::string_view text) const;
  [[nodiscard]] std::size_t size() const { return holders_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const noexcept { return base::textHash(text); }
  };
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> holders_;
};

struct PodRecord;

// The labels of one or many objects: like Labels, but all strings are in a StringTable.
class InternedLabels {
 public:
  using Entry = std::pair<const std::string*, const std::string*>;

  explicit InternedLabels(std::vector<Entry> entries) : entries_(std::move(entries)) {}
  // The value of `key`, or null if the key is absent.
  [[nodiscard]] const std::string* find(std::string_view key) const;
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }  // sorted by key
  [[nodiscard]] Labels labels() const;
  bool operator<(const InternedLabels& other) const { return entries_ < other.entries_; }

  // The pods that have exactly these labels, unordered. Not part of the value.
  mutable std::vector<PodRecord*> pods;

 private:
  friend class LabelTable;
  std::vector<Entry> entries_;
  mutable std::vector<std::uint32_t> places_;  // by entry: index in LabelTable::withLabel_
};

// Stores each distinct set of labels once, with a reference count. The pods of a workload share
// one.
class LabelTable {
 public:
  explicit LabelTable(StringTable& strings) : strings_(strings) {}

  // Equal labels give equal pointers, valid until release() was called as often as intern().
  const InternedLabels* intern(const Labels& labels);
  void release(const InternedLabels* labels);
  [[nodiscard]] std::size_t size() const { return holders_.size(); }
  // The entries that release() has compared so far, as a measure of its cost.
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  // Calls `visit` with each distinct set of labels that `selector` (canonical()) may match: those
  // with a label of one of its In requirements; without such a requirement, all.
  template <class Visit>
  void forEachCandidate(const LabelSelector& selector, Visit visit) const {
    if (const auto found = withDemandedLabel(selector))
      for (const auto* list : *found)
        for (const auto* labels : *list) visit(*labels);
    else
      for (const auto& [labels, holders] : holders_) visit(labels);
  }

 private:
  using List = std::vector<const InternedLabels*>;
  struct HashEntry {
    std::size_t operator()(const InternedLabels::Entry& entry) const noexcept {
      const std::hash<const std::string*> hash;
      return hash(entry.first) * 1099511628211ULL ^ hash(entry.second);
    }
  };
  void releaseTexts(const InternedLabels& labels);
  void enter(const InternedLabels& labels);
  void leave(const InternedLabels& labels);
  // The index of `entry`, which must be present, in labels.entries().
  std::size_t indexOf(const InternedLabels& labels, const InternedLabels::Entry& entry);
  [[nodiscard]] std::optional<std::vector<const List*>> withDemandedLabel(
      const LabelSelector& selector) const;

  StringTable& strings_;
  std::map<InternedLabels, std::uint32_t> holders_;
  std::unordered_map<InternedLabels::Entry, List, HashEntry> withLabel_;
  std::uint64_t steps_ = 0;
};

}  // namespace kpol::policy
