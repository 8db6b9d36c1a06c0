// SPDX-License-Identifier: Apache-2.0
#include "policy/changed_flows.hpp"

#include <algorithm>

namespace kpol::policy {
namespace {

// Whether `whole` contains every element of `part`. Rules are additive, so their order has no
// effect.
template <class T>
bool containsAll(const std::vector<T>& whole, const std::vector<T>& part) {
  return std::all_of(part.begin(), part.end(), [&](const T& one) {
    return std::find(whole.begin(), whole.end(), one) != whole.end();
  });
}

std::size_t placeOf(Direction direction) {
  return static_cast<std::size_t>(direction);
}

}  // namespace

FlowEffect& FlowEffect::operator|=(const FlowEffect& other) {
  tightens = tightens || other.tightens;
  loosens = loosens || other.loosens;
  return *this;
}

void ChangedFlows::add(const base::IpAddress& address, Direction direction, FlowEffect effect) {
  if (all_ || !effect.any()) return;
  addresses_[address].at(placeOf(direction)) |= effect;
  if (addresses_.size() > kMostAddresses) addAll();
}

void ChangedFlows::addAll() {
  all_ = true;
  addresses_.clear();
}

void ChangedFlows::add(const base::IpAddress& address, FlowEffect effect) {
  add(address, Direction::Ingress, effect);
  add(address, Direction::Egress, effect);
}

void ChangedFlows::add(const ChangedFlows& other) {
  if (other.all_) addAll();
  for (const auto& [address, effects] : other.addresses_)
    for (const auto direction : {Direction::Ingress, Direction::Egress})
      add(address, direction, effects.at(placeOf(direction)));
}

FlowEffect ChangedFlows::on(const base::IpAddress& source,
                            const base::IpAddress& destination) const {
  if (all_) return kTightensAndLoosens;
  FlowEffect effect;
  const auto addFrom = [&](const base::IpAddress& address, Direction direction) {
    const auto place = addresses_.find(address);
    if (place != addresses_.end()) effect |= place->second.at(placeOf(direction));
  };
  addFrom(source, Direction::Egress);
  addFrom(destination, Direction::Ingress);
  return effect;
}

FlowEffect effectOf(const PolicyChange& change) {
  const auto* before = change.before;
  const auto* after = change.after;
  if (before != nullptr && after != nullptr)
    return {!containsAll(*after, *before), !containsAll(*before, *after)};
  if (before == nullptr && after == nullptr) return {};
  if (!change.othersIsolate) return before == nullptr ? kTightens : kLoosens;
  if (before == nullptr) return {false, !after->empty()};
  return {!before->empty(), false};
}

FlowEffect effectOf(const std::vector<const NetworkPolicy*>& before,
                    const std::vector<const NetworkPolicy*>& after) {
  if (before == after) return {};
  if (before.empty()) return kTightens;
  if (after.empty()) return kLoosens;
  return {!containsAll(after, before), !containsAll(before, after)};
}

}  // namespace kpol::policy
