// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/text_hash.hpp"
#include "policy/label_table.hpp"
#include "policy/objects.hpp"

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace kpol::policy {

// Finds the selectors that may match given labels, without testing all selectors. A selector
// (canonical()) is indexed by one of its requirements: an In, else an Exists. Selectors with
// neither (empty, or only NotIn and DoesNotExist) are always candidates. Stores pointers: an entry
// must be removed before it is destroyed.
template <class Entry>
class SelectorIndex {
 public:
  void add(const LabelSelector& selector, Entry* entry) {
    const auto found = placesOf(selector);
    if (!found)
      always_.push_back(entry);
    else
      for (const auto& [places, hash] : *found) (*places)[hash].push_back(entry);
    ++size_;
  }
  void remove(const LabelSelector& selector, Entry* entry) {
    const auto found = placesOf(selector);
    if (!found) {
      std::erase(always_, entry);
    } else {
      for (const auto& [places, hash] : *found) {
        const auto place = places->find(hash);
        std::erase(place->second, entry);
        if (place->second.empty()) places->erase(place);
      }
    }
    --size_;
  }
  [[nodiscard]] bool empty() const { return size_ == 0; }

  // Calls `visit` with each entry whose selector may match; the caller must test matches(). An
  // entry comes once, except if hashes of its own values and of other labels collide.
  template <class Visit>
  void forEachCandidate(const InternedLabels& labels, Visit visit) const {
    for (Entry* entry : always_) visit(*entry);
    for (const auto& [key, value] : labels.entries()) {
      visitPlace(byKey_, hashOf(*key), visit);
      visitPlace(byLabel_, hashOf(*key, *value), visit);
    }
  }

 private:
  // Labels with the same hash share a place, which adds candidates that do not match.
  using Places = std::unordered_map<std::size_t, std::vector<Entry*>>;

  static std::size_t hashOf(std::string_view key) { return base::textHash(key); }
  static std::size_t hashOf(std::string_view key, std::string_view value) {
    return hashOf(key) * 1099511628211ULL ^ hashOf(value);
  }

  template <class Visit>
  static void visitPlace(const Places& places, std::size_t hash, Visit& visit) {
    const auto place = places.find(hash);
    if (place == places.end()) return;
    for (Entry* entry : place->second) visit(*entry);
  }

  // nullopt: the selector is always a candidate.
  std::optional<std::vector<std::pair<Places*, std::size_t>>> placesOf(
      const LabelSelector& selector) {
    const auto& all = selector.matchExpressions;
    const auto find = [&](LabelRequirement::Operator op) {
      return std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.op == op; });
    };
    std::vector<std::pair<Places*, std::size_t>> places;
    if (const auto in = find(LabelRequirement::Operator::In); in != all.end()) {
      for (const auto& value : in->values) places.emplace_back(&byLabel_, hashOf(in->key, value));
      // Values with the same hash share a place: keep it once.
      std::sort(places.begin(), places.end());
      places.erase(std::unique(places.begin(), places.end()), places.end());
      return places;
    }
    if (const auto exists = find(LabelRequirement::Operator::Exists); exists != all.end()) {
      places.emplace_back(&byKey_, hashOf(exists->key));
      return places;
    }
    return std::nullopt;
  }

  std::vector<Entry*> always_;
  Places byKey_;
  Places byLabel_;
  std::size_t size_ = 0;
};

}  // namespace kpol::policy
