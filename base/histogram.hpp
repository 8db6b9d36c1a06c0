// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <initializer_list>
#include <vector>

namespace kpol::base {

// Counts durations by range, like a Prometheus histogram, and sums them up.
class Histogram {
 public:
  // Upper bounds in seconds, ascending. Each bound is included in its range.
  Histogram(std::initializer_list<double> bounds)
      : bounds_(bounds), counts_(bounds_.size() + 1, 0) {}

  void observe(std::chrono::nanoseconds duration, std::uint64_t times = 1);

  [[nodiscard]] const std::vector<double>& bounds() const { return bounds_; }
  // One count per range; the last one counts durations above all bounds. Not cumulative.
  [[nodiscard]] const std::vector<std::uint64_t>& counts() const { return counts_; }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double sum() const { return sum_; }  // seconds

 private:
  std::vector<double> bounds_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t count_ = 0;
  double sum_ = 0;
};

}  // namespace kpol::base
