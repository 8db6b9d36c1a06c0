// SPDX-License-Identifier: Apache-2.0
#include "base/text_hash.hpp"

#include <bit>
#include <cstring>
#include <random>

namespace kpol::base {
namespace {

// Aumasson, Bernstein: SipHash: a fast short-input PRF (2012).
struct SipState {
  std::uint64_t v0, v1, v2, v3;

  void round() {
    v0 += v1;
    v2 += v3;
    v1 = std::rotl(v1, 13) ^ v0;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 = std::rotl(v0, 32);
    v2 += v1;
    v0 += v3;
    v1 = std::rotl(v1, 17) ^ v2;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 = std::rotl(v2, 32);
  }
  void take(std::uint64_t word) {
    v3 ^= word;
    round();
    v0 ^= word;
  }
};

std::array<std::uint64_t, 2> randomKey() {
  std::random_device device;
  const auto word = [&] { return std::uint64_t{device()} << 32U | device(); };
  return {word(), word()};
}

}  // namespace

std::uint64_t sipHash(const std::array<std::uint64_t, 2>& key, std::string_view text) noexcept {
  SipState state{key[0] ^ 0x736f6d6570736575ULL, key[1] ^ 0x646f72616e646f6dULL,
                 key[0] ^ 0x6c7967656e657261ULL, key[1] ^ 0x7465646279746573ULL};
  std::uint64_t word = 0;
  const auto size = text.size();
  for (; text.size() >= sizeof word; text.remove_prefix(sizeof word)) {
    std::memcpy(&word, text.data(), sizeof word);
    state.take(word);
  }
  word = 0;
  std::memcpy(&word, text.data(), text.size());
  state.take(word | std::uint64_t{size} << 56U);
  state.v2 ^= 0xff;
  for (int i = 0; i < 3; ++i) state.round();
  return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}

std::size_t textHash(std::string_view text) noexcept {
  static const auto kKey = randomKey();
  return sipHash(kKey, text);
}

}  // namespace kpol::base
