// SPDX-License-Identifier: Apache-2.0
#include "policy/objects.hpp"

#include <algorithm>

namespace kpol::policy {

Labels::Labels(std::vector<std::pair<std::string, std::string>> entries) {
  const auto byKey = [](const auto& a, const auto& b) { return a.first < b.first; };
  std::stable_sort(entries.begin(), entries.end(), byKey);
  for (auto& entry : entries) {
    if (!entries_.empty() && entries_.back().first == entry.first) entries_.pop_back();
    entries_.push_back(std::move(entry));
  }
}

const std::string* Labels::find(std::string_view key) const {
  const auto found =
      std::lower_bound(entries_.begin(), entries_.end(), key,
                       [](const auto& entry, std::string_view k) { return entry.first < k; });
  return found != entries_.end() && found->first == key ? &found->second : nullptr;
}

bool isolates(const NetworkPolicy& policy, Direction direction) {
  if (policy.policyTypes.empty()) {
    return direction == Direction::Ingress || !policy.egress.empty();
  }
  return std::find(policy.policyTypes.begin(), policy.policyTypes.end(), direction) !=
         policy.policyTypes.end();
}

std::string_view toString(Direction direction) {
  return direction == Direction::Ingress ? "Ingress" : "Egress";
}

}  // namespace kpol::policy
