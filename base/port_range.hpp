// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

namespace kpol::base {

// An inclusive range of port numbers, 1..65535, first <= last.
class PortRange {
 public:
  // Returns nullopt if a bound is outside 1..65535 or last < first.
  static std::optional<PortRange> make(std::int64_t first, std::int64_t last);
  static std::optional<PortRange> single(std::int64_t port) { return make(port, port); }
  static constexpr PortRange all() { return {1, 65535}; }

  [[nodiscard]] constexpr std::uint16_t first() const { return first_; }
  [[nodiscard]] constexpr std::uint16_t last() const { return last_; }
  [[nodiscard]] constexpr bool contains(std::uint16_t port) const {
    return first_ <= port && port <= last_;
  }
  auto operator<=>(const PortRange&) const = default;

 private:
  constexpr PortRange(std::uint16_t first, std::uint16_t last) : first_(first), last_(last) {}
  std::uint16_t first_;
  std::uint16_t last_;
};

inline std::optional<PortRange> PortRange::make(std::int64_t first, std::int64_t last) {
  if (first < 1 || last > 65535 || last < first) return std::nullopt;
  return PortRange(static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last));
}

}  // namespace kpol::base
