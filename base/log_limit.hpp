// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

namespace kpol::base {

// Limits the lines of one kind, because a tenant can cause some kinds as often as he likes: at most
// `lines` in each `period`. Pure: the caller passes the time.
class LogLimit {
 public:
  using Time = std::chrono::steady_clock::time_point;

  LogLimit(unsigned lines, Time::duration period) : lines_(lines), period_(period) {}

  // Returns the number of lines left out since the last one if a line may be printed, else nullopt.
  std::optional<std::uint64_t> admit(Time now) {
    if (!since_ || now >= *since_ + period_) {
      since_ = now;
      printed_ = 0;
    }
    if (printed_ == lines_) {
      ++leftOut_;
      return std::nullopt;
    }
    ++printed_;
    return std::exchange(leftOut_, 0);
  }

 private:
  unsigned lines_;
  Time::duration period_;
  std::optional<Time> since_;
  unsigned printed_ = 0;
  std::uint64_t leftOut_ = 0;
};

}  // namespace kpol::base
