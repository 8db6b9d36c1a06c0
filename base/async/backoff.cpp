// SPDX-License-Identifier: Apache-2.0
#include "base/async/backoff.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace kpol::base {
namespace {

constexpr double kJitter = 0.2;
// More doublings exceed any limit and would overflow the duration.
constexpr unsigned kMaxDoublings = 20;

}  // namespace

Backoff::Backoff(Duration first, Duration limit, Random random)
    : first_(first), limit_(limit), random_(std::move(random)) {}

Backoff::Duration Backoff::next() {
  const unsigned doublings = std::min(failures_, kMaxDoublings);
  ++failures_;
  const Duration full = std::min(limit_, first_ * (std::int64_t{1} << doublings));
  const double kept = 1.0 - kJitter * random_();
  return std::chrono::duration_cast<Duration>(full * kept);
}

Backoff::Random systemRandom() {
  std::random_device device;
  return [engine = std::mt19937(device()), uniform = std::uniform_real_distribution<double>(
                                               0.0, 1.0)]() mutable { return uniform(engine); };
}

}  // namespace kpol::base
