// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>

namespace kpol::base {

// The waits between attempts of something that fails: each about twice the one before, up to a
// limit, with up to a fifth taken off at random so that many do not retry in step. Pure.
class Backoff {
 public:
  using Duration = std::chrono::steady_clock::duration;
  using Random = std::function<double()>;  // in [0, 1)

  Backoff(Duration first, Duration limit, Random random);

  // The wait after one more failure.
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
