// SPDX-License-Identifier: Apache-2.0
#include "policy/selector.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>

namespace kpol::policy {
namespace {

using Operator = LabelRequirement::Operator;
using Values = std::vector<std::string>;

bool contains(const Values& values, const std::string& value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

// apimachinery pkg/labels/selector.go, Requirement.Matches.
template <class AnyLabels>
bool holds(const LabelRequirement& requirement, const AnyLabels& labels) {
  const std::string* value = labels.find(requirement.key);
  switch (requirement.op) {
    case Operator::In: return value != nullptr && contains(requirement.values, *value);
    case Operator::NotIn: return value == nullptr || !contains(requirement.values, *value);
    case Operator::Exists: return value != nullptr;
    case Operator::DoesNotExist: return value == nullptr;
  }
  return false;
}

template <class AnyLabels>
bool matchesAll(const LabelSelector& selector, const AnyLabels& labels) {
  for (const auto& [key, value] : selector.matchLabels.entries()) {
    const std::string* actual = labels.find(key);
    if (actual == nullptr || *actual != value) return false;
  }
  return std::all_of(selector.matchExpressions.begin(), selector.matchExpressions.end(),
                     [&](const auto& requirement) { return holds(requirement, labels); });
}

Values sortedUnique(Values values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
  return values;
}

// All requirements of a selector for one key.
class Demand {
 public:
  void add(const LabelRequirement& requirement) {
    Values values = sortedUnique(requirement.values);
    switch (requirement.op) {
      case Operator::In: addIn(std::move(values)); break;
      case Operator::NotIn: notIn_.insert(notIn_.end(), values.begin(), values.end()); break;
      case Operator::Exists: exists_ = true; break;
      case Operator::DoesNotExist: absent_ = true; break;
    }
  }

  // Appends the requirements in normal form. Returns false if no labels can meet them.
  bool appendTo(std::vector<LabelRequirement>& requirements, const std::string& key) const {
    if (absent_) {
      if (exists_ || in_) return false;
      requirements.push_back({key, Operator::DoesNotExist, {}});
      return true;
    }
    Values notIn = sortedUnique(notIn_);
    if (in_) {
      Values rest;
      std::set_difference(in_->begin(), in_->end(), notIn.begin(), notIn.end(),
                          std::back_inserter(rest));
      if (rest.empty()) return false;
      requirements.push_back({key, Operator::In, std::move(rest)});
      return true;
    }
    if (!notIn.empty()) requirements.push_back({key, Operator::NotIn, std::move(notIn)});
    if (exists_) requirements.push_back({key, Operator::Exists, {}});
    return true;
  }

 private:
  void addIn(Values values) {
    if (in_) {
      Values both;
      std::set_intersection(in_->begin(), in_->end(), values.begin(), values.end(),
                            std::back_inserter(both));
      values = std::move(both);
    }
    in_ = std::move(values);
  }

  std::optional<Values> in_;  // the intersection of all In
  Values notIn_;              // the union of all NotIn
  bool exists_ = false;
  bool absent_ = false;
};

// The normal form of all selectors that no object can match, because label keys are never empty.
LabelSelector matchesNothing() {
  return {{}, {{"", Operator::In, {}}}};
}

std::string joined(const Values& values) {
  std::string text;
  for (const std::string& value : values) {
    if (&value != &values.front()) text += ',';
    text += value;
  }
  return "(" + text + ")";
}

std::string toString(const LabelRequirement& requirement) {
  switch (requirement.op) {
    case Operator::In:
      if (requirement.values.size() == 1) return requirement.key + "=" + requirement.values[0];
      return requirement.key + " in " + joined(requirement.values);
    case Operator::NotIn: return requirement.key + " notin " + joined(requirement.values);
    case Operator::Exists: return requirement.key;
    case Operator::DoesNotExist: return "!" + requirement.key;
  }
  return "?";
}

}  // namespace

bool matches(const LabelSelector& selector, const Labels& labels) {
  return matchesAll(selector, labels);
}

bool matches(const LabelSelector& selector, const InternedLabels& labels) {
  return matchesAll(selector, labels);
}

// The API server sets this immutable label on every namespace.
bool matchesByName(const LabelSelector& namespaceSelector, const std::string& name) {
  const auto selector = canonical(namespaceSelector);
  const auto isOfName = [](const auto& requirement) {
    return requirement.key == kNamespaceNameLabel;
  };
  return std::all_of(selector.matchExpressions.begin(), selector.matchExpressions.end(),
                     isOfName) &&
         matches(selector, Labels({{kNamespaceNameLabel, name}}));
}

LabelSelector canonical(const LabelSelector& selector) {
  std::map<std::string, Demand> demands;
  for (const auto& [key, value] : selector.matchLabels.entries()) {
    demands[key].add({key, Operator::In, {value}});
  }
  for (const auto& requirement : selector.matchExpressions) {
    demands[requirement.key].add(requirement);
  }
  LabelSelector result;
  for (const auto& [key, demand] : demands) {
    if (!demand.appendTo(result.matchExpressions, key)) return matchesNothing();
  }
  return result;
}

std::string toString(const LabelSelector& selector) {
  if (selector == matchesNothing()) return "<none>";
  std::string text;
  const auto append = [&](const std::string& part) {
    if (!text.empty()) text += ',';
    text += part;
  };
  for (const auto& [key, value] : selector.matchLabels.entries()) append(key + "=" + value);
  for (const auto& requirement : selector.matchExpressions) append(toString(requirement));
  return text.empty() ? "<all>" : text;
}

}  // namespace kpol::policy
