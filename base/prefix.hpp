// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kpol::base {

// An address range in CIDR form; the address is always masked to the length.
class Prefix {
 public:
  // "10.0.0.0/8". Host bits set, leading zeros or a missing length: nothing.
  static std::optional<Prefix> parse(std::string_view text);
  // As stored Kubernetes objects may have them: host bits are masked away; octets, groups and the
  // length may have leading zeros, which change nothing (k8s.io/utils/net ParseCIDRSloppy).
  static std::optional<Prefix> parseSloppy(std::string_view text);
  // Masks `address`; nothing when length > address.bits().
  static std::optional<Prefix> make(const IpAddress& address, unsigned length);
  // The /32 or /128 of one address.
  static Prefix host(const IpAddress& address);

  [[nodiscard]] const IpAddress& address() const { return address_; }
  [[nodiscard]] unsigned length() const { return length_; }
  [[nodiscard]] Family family() const { return address_.family(); }
  [[nodiscard]] IpAddress first() const { return address_; }
  [[nodiscard]] IpAddress last() const;
  // False across families.
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
