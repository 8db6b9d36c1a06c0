// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

namespace kpol::base {

// Exponential backoff: each wait is about twice the previous one, up to a limit. Up to a fifth is
// subtracted at random, so that many clients do not retry at the same time. Pure.
class Backoff {
 public:
  using Duration = std::chrono::steady_clock::duration;
  using Random = std::function<double()>;  // in [0, 1)

  Backoff(Duration first, Duration limit, Random random);

  // Counts one more failure and returns the wait after it.
  Duration next();
  void reset() { failures_ = 0; }
  [[nodiscard]] unsigned failures() const { return failures_; }

 private:
  Duration first_;
  Duration limit_;
  Random random_;
  unsigned failures_ = 0;
};

// Uniform in [0, 1), seeded by the system.
Backoff::Random systemRandom();

}  // namespace kpol::base
