// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/histogram.hpp"

#include <chrono>
#include <cstdint>
#include <vector>

namespace kpol::controller {

// When the changes came that the kernel does not hold yet. Those that come within a tenth of a
// millisecond count as one moment, and there is a limit to moments: beyond it changes count as
// older than they are. Pure.
class Arrivals {
 public:
  using Time = std::chrono::steady_clock::time_point;

  void add(std::uint64_t changes, Time now);
  // They are in the kernel: how long each took.
  void settle(base::Histogram& latency, Time now);
  // They need not be, or are not of interest.
  void forget() { moments_.clear(); }

 private:
  struct Moment {
    Time at;
    std::uint64_t changes = 0;
  };
  std::vector<Moment> moments_;
};

}  // namespace kpol::controller
