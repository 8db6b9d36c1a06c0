// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>

namespace kpol::test {

// A number from the environment; nullopt if it is not set.
inline std::optional<std::uint64_t> fromEnvironment(const char* name) {
  const char* text = std::getenv(name);
  if (text == nullptr || *text == '\0') return std::nullopt;
  return std::strtoull(text, nullptr, 10);
}

// The seed of random tests: KPOL_SEED where it is set (tests/run.sh --fresh sets a new one), else
// the same in every run. Printed, so that a failure can be repeated.
inline std::uint64_t seedOfThisRun() {
  const auto seed = fromEnvironment("KPOL_SEED").value_or(1);
  std::printf("KPOL_SEED=%llu\n", static_cast<unsigned long long>(seed));
  return seed;
}

}  // namespace kpol::test
