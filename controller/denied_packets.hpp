// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/counter_value.hpp"
#include "policy/denial.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kpol::controller {

// Packets dropped since the first look at the table's counters, those the kernel held then
// included. The kernel's counters go with their profiles and start again at zero; these sums only
// grow. What is dropped between the last look and the end of a profile is not seen. Pure.
class DeniedPackets {
 public:
  // What the counters stand at now.
  void take(const std::vector<nft::CounterValue>& counters);

  [[nodiscard]] std::uint64_t of(policy::Denial::Cause cause) const;

  struct OfProfile {
    policy::Denial denial;
    std::uint64_t packets = 0;  // since the profile's counter was made
    bool operator==(const OfProfile&) const = default;
  };
  // The profiles that dropped any, the worst first, at most `most` of them.
  [[nodiscard]] std::vector<OfProfile> worst(std::size_t most) const;

 private:
  std::map<policy::Denial::Cause, std::uint64_t> sums_;
  std::map<std::string, std::uint64_t> seen_;  // by counter
};

}  // namespace kpol::controller
