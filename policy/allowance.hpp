// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>

namespace kpol::policy {

// Counts down the entries of a profile (kMostProfileEntries).
class Allowance {
 public:
  explicit Allowance(std::size_t entries) : left_(entries) {}

  // Returns false, then and ever after, if less than `entries` is left.
  bool take(std::size_t entries) {
    exceeded_ = exceeded_ || entries > left_;
    if (!exceeded_) left_ -= entries;
    return !exceeded_;
  }

 private:
  std::size_t left_;
  bool exceeded_ = false;
};

}  // namespace kpol::policy
