// SPDX-License-Identifier: Apache-2.0
#include "nft/key_arithmetic.hpp"

#include <algorithm>
#include <array>
#include <vector>

namespace kpol::nft {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes bytesOf(const Key& key) {
  return {key.bytes().begin(), key.bytes().end()};
}

// Adds `by` (1 or -1) to the last byte. A byte that becomes `wrapped` carries to the one before it.
std::optional<Key> step(const Key& key, std::uint8_t wrapped, int by) {
  std::array<std::uint8_t, Key::kCapacity> bytes;
  const std::size_t size = key.bytes().size();
  std::ranges::copy(key.bytes(), bytes.begin());
  for (std::size_t i = size; i-- > 0;) {
    bytes[i] = static_cast<std::uint8_t>(bytes[i] + by);
    if (bytes[i] != wrapped) return Key(std::span(bytes.data(), size));
  }
  return std::nullopt;
}

}  // namespace

std::optional<Key> next(const Key& key) {
  return step(key, 0x00, 1);
}

std::optional<Key> previous(const Key& key) {
  return step(key, 0xFF, -1);
}

Key greatest(std::size_t bytes) {
  return Key(Bytes(bytes, 0xFF));
}

Key maskOf(std::size_t bits, std::size_t bytes) {
  Bytes mask(bytes);
  for (std::size_t i = 0; i < bytes; ++i) {
    const std::size_t ones = std::min<std::size_t>(bits - std::min(bits, i * 8), 8);
    mask[i] = static_cast<std::uint8_t>(0xFF00U >> ones);
  }
  return Key(mask);
}

Key masked(const Key& key, std::size_t bits) {
  Bytes bytes = bytesOf(key);
  const Key mask = maskOf(bits, bytes.size());
  std::ranges::transform(bytes, mask.bytes(), bytes.begin(), [](std::uint8_t a, std::uint8_t b) {
    return static_cast<std::uint8_t>(a & b);
  });
  return Key(bytes);
}

std::optional<std::uint16_t> maskLength(const Key& mask) {
  const std::size_t all = mask.bytes().size() * 8;
  for (std::size_t bits = 0; bits <= all; ++bits)
    if (maskOf(bits, mask.bytes().size()) == mask) return static_cast<std::uint16_t>(bits);
  return std::nullopt;
}

}  // namespace kpol::nft
