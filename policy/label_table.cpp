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
  base::expects(place != holders_.end(), "a text is interned before it is released");
  if (--place->second == 0) holders_.erase(place);
}

const std::string* StringTable::find(std::string_view text) const {
  const auto place = holders_.find(text);
  return place == holders_.end() ? nullptr : &place->first;
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
  // A set of labels has one reference to each string, however many objects share the set.
  if (isNew)
    enter(place->first);
  else
    releaseTexts(place->first);
  return &place->first;
}

void LabelTable::release(const InternedLabels* labels) {
  const auto place = holders_.find(*labels);
  base::expects(place != holders_.end(), "labels are interned before they are released");
  if (--place->second > 0) return;
  leave(place->first);
  const auto last = holders_.extract(place);
  releaseTexts(last.key());
}

void LabelTable::enter(const InternedLabels& labels) {
  labels.places_.reserve(labels.entries_.size());
  for (const auto& entry : labels.entries_) {
    auto& list = withLabel_[entry];
    labels.places_.push_back(static_cast<std::uint32_t>(list.size()));
    list.push_back(&labels);
  }
}

std::size_t LabelTable::indexOf(const InternedLabels& labels, const InternedLabels::Entry& entry) {
  const auto& entries = labels.entries_;
  const auto place = std::lower_bound(entries.begin(), entries.end(), entry,
                                      [&](const auto& one, const auto& wanted) {
                                        ++steps_;
                                        return *one.first < *wanted.first;
                                      });
  return static_cast<std::size_t>(place - entries.begin());
}

// Removes the labels from each list; the last item of the list moves to the free place.
void LabelTable::leave(const InternedLabels& labels) {
  for (std::size_t i = 0; i < labels.entries_.size(); ++i) {
    const auto& entry = labels.entries_[i];
    const auto place = withLabel_.find(entry);
    auto& list = place->second;
    const auto* last = list.back();
    last->places_[indexOf(*last, entry)] = labels.places_[i];
    list[labels.places_[i]] = last;
    list.pop_back();
    if (list.empty()) withLabel_.erase(place);
  }
}

std::optional<std::vector<const LabelTable::List*>> LabelTable::withDemandedLabel(
    const LabelSelector& selector) const {
  std::optional<std::vector<const List*>> best;
  std::size_t fewest = 0;
  for (const auto& requirement : selector.matchExpressions) {
    if (requirement.op != LabelRequirement::Operator::In) continue;
    std::vector<const List*> lists;
    std::size_t count = 0;
    const auto* key = strings_.find(requirement.key);
    for (const auto& text : requirement.values) {
      const auto* value = strings_.find(text);
      if (key == nullptr || value == nullptr) continue;
      const auto place = withLabel_.find({key, value});
      if (place == withLabel_.end()) continue;
      lists.push_back(&place->second);
      count += place->second.size();
    }
    if (best && count >= fewest) continue;
    best = std::move(lists);
    fewest = count;
  }
  return best;
}

void LabelTable::releaseTexts(const InternedLabels& labels) {
  for (const auto& [key, value] : labels.entries()) {
    strings_.release(key);
    strings_.release(value);
  }
}

}  // namespace kpol::policy
