// SPDX-License-Identifier: Apache-2.0
#include "policy/label_table.hpp"

#include "base/error.hpp"

#include <algorithm>

namespace kpol::policy {

const std::string* StringTable::intern(std::string_view text) {
  auto place = holders_.find(text);
  if (place == holders_.end()) place = holders_.emplace(text, 0).first;
  ++place->second;
  return &place->first;
}

void StringTable::release(const std::string* text) {
  const auto place = holders_.find(std::string_view(*text));
  base::expects(place != holders_.end(), "a text is released as often as it was interned");
  if (--place->second == 0) holders_.erase(place);
}

const std::string* InternedLabels::find(std::string_view key) const {
  const auto found = std::lower_bound(
      entries_.begin(), entries_.end(), key,
      [](const Entry& entry, std::string_view wanted) { return *entry.first < wanted; });
  return found != entries_.end() && *found->first == key ? found->second : nullptr;
}

Labels InternedLabels::labels() const {
  std::vector<std::pair<std::string, std::string>> texts;
  texts.reserve(entries_.size());
  for (const auto& [key, value] : entries_) texts.emplace_back(*key, *value);
  return Labels(std::move(texts));
}

const InternedLabels* LabelTable::intern(const Labels& labels) {
  std::vector<InternedLabels::Entry> entries;
  entries.reserve(labels.entries().size());
  for (const auto& [key, value] : labels.entries())
    entries.emplace_back(strings_.intern(key), strings_.intern(value));
  const auto [place, isNew] = holders_.try_emplace(InternedLabels(std::move(entries)), 0);
  ++place->second;
  // The texts are held once for each set of labels, not for each object that has it.
  if (!isNew) releaseTexts(place->first);
  return &place->first;
}

void LabelTable::release(const InternedLabels* labels) {
  const auto place = holders_.find(*labels);
  base::expects(place != holders_.end(), "labels are released as often as they were interned");
  if (--place->second > 0) return;
  const auto last = holders_.extract(place);
  releaseTexts(last.key());
}

void LabelTable::releaseTexts(const InternedLabels& labels) {
  for (const auto& [key, value] : labels.entries()) {
    strings_.release(key);
    strings_.release(value);
  }
}

}  // namespace kpol::policy
