// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace kpol::nft {

// The current value of a named counter.
struct CounterValue {
  std::string name;
  std::uint64_t packets = 0;
  std::uint64_t bytes = 0;
  auto operator<=>(const CounterValue&) const = default;
};

}  // namespace kpol::nft
