// SPDX-License-Identifier: Apache-2.0
#include "controller/blast_radius.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace kpol::controller {

BlastRadius::Profiles BlastRadius::denied() const {
  Profiles all;
  for (const auto& [profile, message] : blamed_) all.insert(profile);
  for (const auto& group : waiting_) all.insert(group.begin(), group.end());
  return all;
}

void BlastRadius::blame(const std::string& profile, const std::string& message) {
  blamed_[profile] = message;
  std::erase(trying_, profile);
  for (auto& group : waiting_) std::erase(group, profile);
}

void BlastRadius::tryNext() {
  while (trying_.empty() && !waiting_.empty()) {
    trying_ = std::move(waiting_.back());
    waiting_.pop_back();
  }
  searching_ = !trying_.empty();
}

bool BlastRadius::refused(const Refusal& refusal) {
  const auto already = denied();
  Profiles toBlame;
  std::set_difference(refusal.concerned.begin(), refusal.concerned.end(), already.begin(),
                      already.end(), std::inserter(toBlame, toBlame.end()));
  if (!toBlame.empty()) {
    for (const auto& profile : toBlame) blame(profile, refusal.message);
    return true;
  }
  if (trying_.size() == 1) {
    blame(Group(trying_).front(), refusal.message);
    return true;
  }
  if (!trying_.empty()) {
    const auto middle = trying_.begin() + static_cast<Group::difference_type>(trying_.size() / 2);
    waiting_.emplace_back(middle, trying_.end());
    trying_.erase(middle, trying_.end());
    return true;
  }
  Group suspects;
  std::set_difference(refusal.changed.begin(), refusal.changed.end(), already.begin(),
                      already.end(), std::back_inserter(suspects));
  if (suspects.empty()) {
    waiting_.clear();
    searching_ = false;
    return false;
  }
  // Deny all suspects first. If that commit is rejected too, no suspect is the cause.
  waiting_.push_back(std::move(suspects));
  searching_ = true;
  return true;
}

bool BlastRadius::committed() {
  if (!searching_) return false;
  trying_.clear();
  tryNext();
  return searching_;
}

void BlastRadius::retry(const Profiles& profiles) {
  for (const auto& profile : profiles) {
    if (blamed_.erase(profile) == 0) continue;
    trying_.push_back(profile);
    searching_ = true;
  }
}

void BlastRadius::forget(const Profiles& profiles) {
  for (const auto& profile : profiles) {
    blamed_.erase(profile);
    std::erase(trying_, profile);
    for (auto& group : waiting_) std::erase(group, profile);
  }
}

}  // namespace kpol::controller
