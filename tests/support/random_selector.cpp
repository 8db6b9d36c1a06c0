// SPDX-License-Identifier: Apache-2.0
#include "tests/support/policy_builders.hpp"
#include "tests/support/random_policy.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace kpol::test {
namespace {

using policy::LabelRequirement;
using policy::LabelSelector;
using Operator = LabelRequirement::Operator;

const std::array<std::string, 3> kKeys = {"app", "app.kubernetes.io/tier", "App"};
const std::array<std::string, 4> kValues = {"", "a", "b", "A"};

LabelSelector randomRequirement(Random& random) {
  const std::string& key = random.pick(kKeys);
  std::vector<std::string> values = {random.pick(kValues)};
  if (random.oneIn(2)) values.push_back(random.pick(kValues));
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
  switch (random.below(8)) {
    case 0: return has(key);
    case 1: return lacks(key);
    case 2: return notIn(key, values);
    case 3: return in(key, values);
    default: return is(key, random.pick(kValues));
  }
}

// One requirement with the same meaning in another form, or a repetition.
std::vector<LabelRequirement> reworded(Random& random, LabelRequirement requirement) {
  if (requirement.op == Operator::In && random.oneIn(2)) {
    return {requirement, {requirement.key, Operator::Exists, {}}};
  }
  if (requirement.op == Operator::NotIn && requirement.values.size() > 1) {
    std::vector<LabelRequirement> parts;
    for (const auto& value : requirement.values) {
      parts.push_back({requirement.key, Operator::NotIn, {value}});
    }
    return parts;
  }
  if (random.oneIn(3)) return {requirement, requirement};
  return {requirement};
}

}  // namespace

LabelSelector randomSelector(Random& random) {
  LabelSelector selector;
  for (std::size_t count = random.pick({0U, 1U, 1U, 2U, 3U}); count > 0; --count) {
    selector = allOf({selector, randomRequirement(random)});
  }
  return selector;
}

policy::Labels randomLabels(Random& random) {
  std::vector<std::pair<std::string, std::string>> entries;
  for (std::size_t count = random.below(4); count > 0; --count) {
    entries.emplace_back(random.pick(kKeys), random.pick(kValues));
  }
  return policy::Labels(std::move(entries));
}

LabelSelector respelled(Random& random, const LabelSelector& selector) {
  LabelSelector result;
  for (const auto& [key, value] : selector.matchLabels.entries()) {
    const LabelSelector part = random.oneIn(2) ? is(key, value) : in(key, {value});
    result = allOf({part, result});
  }
  for (const auto& requirement : selector.matchExpressions) {
    for (auto& part : reworded(random, requirement)) {
      const auto place =
          static_cast<std::ptrdiff_t>(random.below(result.matchExpressions.size() + 1));
      result.matchExpressions.insert(result.matchExpressions.begin() + place, std::move(part));
    }
  }
  return result;
}

}  // namespace kpol::test
