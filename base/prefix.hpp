// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kpol::base {

// An address range in CIDR form. Host bits of the address are always zero.
class Prefix {
 public:
  // "10.0.0.0/8". Returns nullopt if host bits are set, if there are leading zeros, or if the
  // length is missing.
  static std::optional<Prefix> parse(std::string_view text);
  // For CIDRs in stored Kubernetes objects: clears host bits and ignores leading zeros of octets,
  // groups and the length (k8s.io/utils/net ParseCIDRSloppy).
  static std::optional<Prefix> parseSloppy(std::string_view text);
  // Clears the host bits of `address`. Returns nullopt if length > address.bits().
  static std::optional<Prefix> make(const IpAddress& address, unsigned length);
  // The /32 or /128 of one address.
  static Prefix host(const IpAddress& address);

  [[nodiscard]] const IpAddress& address() const { return address_; }
  [[nodiscard]] unsigned length() const { return length_; }
  [[nodiscard]] Family family() const { return address_.family(); }
  [[nodiscard]] IpAddress first() const { return address_; }
  [[nodiscard]] IpAddress last() const;
  // False if the families differ.
  [[nodiscard]] bool contains(const IpAddress& address) const;
  [[nodiscard]] bool contains(const Prefix& other) const;

  auto operator<=>(const Prefix&) const = default;

 private:
  Prefix(const IpAddress& address, unsigned length)
      : address_(address), length_(static_cast<std::uint8_t>(length)) {}
  IpAddress address_;
  std::uint8_t length_;
};

std::string toString(const Prefix& prefix);

}  // namespace kpol::base
