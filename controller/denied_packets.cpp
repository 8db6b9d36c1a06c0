// SPDX-License-Identifier: Apache-2.0
#include "controller/denied_packets.hpp"

#include <algorithm>

namespace kpol::controller {

void DeniedPackets::take(const std::vector<nft::CounterValue>& counters) {
  std::map<std::string, std::uint64_t> now;
  for (const auto& counter : counters) {
    const auto denial = policy::denialOf(counter.name);
    if (!denial) continue;
    const auto before = seen_.find(counter.name);
    const bool grown = before != seen_.end() && before->second <= counter.packets;
    sums_[denial->cause] += grown ? counter.packets - before->second : counter.packets;
    now.emplace(counter.name, counter.packets);
  }
  seen_ = std::move(now);
}

std::uint64_t DeniedPackets::of(policy::Denial::Cause cause) const {
  const auto sum = sums_.find(cause);
  return sum == sums_.end() ? 0 : sum->second;
}

std::vector<DeniedPackets::OfProfile> DeniedPackets::worst(std::size_t most) const {
  std::vector<OfProfile> profiles;
  for (const auto& [counter, packets] : seen_) {
    const auto denial = policy::denialOf(counter);
    if (packets > 0 && !denial->profile.empty()) profiles.push_back({*denial, packets});
  }
  std::ranges::stable_sort(profiles, std::greater(), &OfProfile::packets);
  profiles.resize(std::min(profiles.size(), most));
  return profiles;
}

}  // namespace kpol::controller
