// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>

// Begins the definition of a harness: int(const std::uint8_t* data, std::size_t size). It passes
// the bytes to the tested code and aborts if a check fails. It always returns 0. A program contains
// several harnesses, by name.
#define KPOL_FUZZ_HARNESS(name)                                          \
  static int harness_##name(const std::uint8_t* data, std::size_t size); \
  static const bool registered_##name =                                  \
      kpol::fuzz::harnesses().emplace(#name, harness_##name).second;     \
  static int harness_##name([[maybe_unused]] const std::uint8_t* data,   \
                            [[maybe_unused]] std::size_t size)

namespace kpol::fuzz {

// The harnesses of this program, for KPOL_FUZZ_HARNESS.
using Harness = int (*)(const std::uint8_t* data, std::size_t size);
inline std::map<std::string_view, Harness>& harnesses() {
  static std::map<std::string_view, Harness> all;
  return all;
}

inline std::string_view textOf(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Returns nullptr, after a message, if the program has no such harness.
inline Harness harness(std::string_view name) {
  const auto found = harnesses().find(name);
  if (found != harnesses().end()) return found->second;
  std::fprintf(stderr, "no harness %.*s\n", static_cast<int>(name.size()), name.data());
  return nullptr;
}

// A finding.
inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

}  // namespace kpol::fuzz
