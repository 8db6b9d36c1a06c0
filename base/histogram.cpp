// SPDX-License-Identifier: Apache-2.0
#include "base/histogram.hpp"

#include <algorithm>

namespace kpol::base {

void Histogram::observe(std::chrono::nanoseconds duration, std::uint64_t times) {
  const double seconds = std::chrono::duration<double>(duration).count();
  const auto bound = std::lower_bound(bounds_.begin(), bounds_.end(), seconds);
  counts_[static_cast<std::size_t>(bound - bounds_.begin())] += times;
  count_ += times;
  sum_ += seconds * static_cast<double>(times);
}

}  // namespace kpol::base
