// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/counter_value.hpp"
#include "policy/denial.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace kpol::controller {

// Packets dropped, including those already counted at the first take(). The kernel's counters are
// deleted with their profiles and restart at zero; these sums only grow. Packets dropped between
// the last take() and the deletion of a profile are not counted. Pure.
class DeniedPackets {
 public:
  // Adds the current values of the table's counters.
  void take(const std::vector<nft::CounterValue>& counters);

  [[nodiscard]] std::uint64_t of(policy::Denial::Cause cause) const;

  struct OfProfile {
    policy::Denial denial;
    std::uint64_t packets = 0;  // since the profile's counter was created
    bool operator==(const OfProfile&) const = default;
  };
  // The profiles that dropped packets, at most `most` of them, most packets first.
  [[nodiscard]] std::vector<OfProfile> worst(std::size_t most) const;

 private:
  std::map<policy::Denial::Cause, std::uint64_t> sums_;
  std::map<std::string, std::uint64_t> seen_;  // by counter
};

}  // namespace kpol::controller
