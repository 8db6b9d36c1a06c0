// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/histogram.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace kpol::controller {

// Arrival times of the changes that are not yet committed to the kernel. Changes within 0.1 ms of
// each other share one entry. The number of entries is limited; when it is reached, further changes
// are added to the last entry and count as older than they are. Pure.
class Arrivals {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void add(std::uint64_t changes, Time now);
  // The changes are committed: records how long each took.
  void settle(base::Histogram& latency, Time now);
  // Drops the entries, because the changes needed no commit or are not to be measured.
  void forget() { moments_.clear(); }

 private:
  struct Moment {
    Time at;
    std::uint64_t changes = 0;
  };
  std::vector<Moment> moments_;
};

}  // namespace kpol::controller
