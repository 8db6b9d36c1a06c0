// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <string_view>

// Begins the definition of a harness: int(const std::uint8_t* data, std::size_t size). It passes
// the bytes to the tested code and aborts if a check fails. It always returns 0. With libFuzzer
// each harness is a program; the replay program contains all of them, by name.
#ifdef KPOL_FUZZ_REPLAY
#define KPOL_FUZZ_HARNESS(name)                                         \
  static int replay_##name(const std::uint8_t* data, std::size_t size); \
  static const bool replayable_##name =                                 \
      kpol::fuzz::harnesses().emplace(#name, replay_##name).second;     \
  static int replay_##name([[maybe_unused]] const std::uint8_t* data,   \
                           [[maybe_unused]] std::size_t size)
#else
#define KPOL_FUZZ_HARNESS(name) \
  extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size)
#endif

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

// A finding.
inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

}  // namespace kpol::fuzz
