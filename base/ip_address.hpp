// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kpol::base {

enum class Family : std::uint8_t { V4 = 4, V6 = 6 };

// An IPv4 or IPv6 address in network byte order. An IPv4-mapped IPv6 address (::ffff:a.b.c.d) stays
// IPv6. IPv4 addresses sort before IPv6 addresses, and by value within a family.
class IpAddress {
 public:
  constexpr IpAddress() = default;  // 0.0.0.0

  // Strict text forms only: dotted quad without leading zeros, RFC 4291 IPv6, no zone.
  static std::optional<IpAddress> parse(std::string_view text);
  // 4 bytes are IPv4, 16 bytes are IPv6. Returns nullopt for any other length.
  static std::optional<IpAddress> fromBytes(std::span<const std::uint8_t> bytes);

  [[nodiscard]] constexpr Family family() const { return family_; }
  [[nodiscard]] constexpr bool isV4() const { return family_ == Family::V4; }
  [[nodiscard]] constexpr unsigned bits() const { return isV4() ? 32 : 128; }
  [[nodiscard]] std::span<const std::uint8_t> bytes() const {
    return {bytes_.data(), isV4() ? std::size_t{4} : std::size_t{16}};
  }
  // The address one above or below; nullopt if that would wrap around.
  [[nodiscard]] std::optional<IpAddress> next() const;
  [[nodiscard]] std::optional<IpAddress> previous() const;

  auto operator<=>(const IpAddress&) const = default;

 private:
  Family family_ = Family::V4;
  std::array<std::uint8_t, 16> bytes_{};
};

// RFC 5952 text.
std::string toString(const IpAddress& address);

}  // namespace kpol::base

template <>
struct std::hash<kpol::base::IpAddress> {
  std::size_t operator()(const kpol::base::IpAddress& address) const noexcept {
    auto bytes = address.bytes();
    return std::hash<std::string_view>{}(
        {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
};
