// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/interface.hpp"
#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "base/prefix.hpp"

#include <linux/netlink.h>

#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Netlink bytes put together by hand, apart from the code under test.
namespace kpol::netlink {

using Bytes = std::vector<std::uint8_t>;

template <class... Parts>
Bytes join(const Parts&... parts) {
  Bytes all;
  (all.insert(all.end(), parts.begin(), parts.end()), ...);
  return all;
}

// A value as it lies in memory.
template <class T>
Bytes raw(const T& value) {
  Bytes bytes(sizeof(T));
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

inline Bytes zeros(std::size_t count) {
  return Bytes(count, 0);
}

inline Bytes padded(Bytes bytes) {
  bytes.resize((bytes.size() + 3) / 4 * 4, 0);
  return bytes;
}

inline Bytes attribute(int type, const Bytes& payload) {
  const auto length = static_cast<std::uint16_t>(4 + payload.size());
  return padded(join(raw(length), raw(static_cast<std::uint16_t>(type)), payload));
}

inline Bytes nested(int type, const Bytes& payload) {
  return attribute(type | NLA_F_NESTED, payload);
}

inline Bytes u32(int type, std::uint32_t value) {
  return attribute(type, raw(value));
}

inline Bytes text(int type, std::string_view value) {
  return attribute(type, join(value, std::string_view("\0", 1)));
}

struct Head {
  int type = 0;
  int flags = 0;
  std::uint32_t sequence = 0;
  std::uint32_t portId = 0;
};

inline Bytes message(const Head& head, const Bytes& payload) {
  const auto length = static_cast<std::uint32_t>(16 + payload.size());
  return padded(join(raw(length), raw(static_cast<std::uint16_t>(head.type)),
                     raw(static_cast<std::uint16_t>(head.flags)), raw(head.sequence),
                     raw(head.portId), payload));
}

inline Bytes copy(std::span<const std::uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

inline base::IpAddress ip(std::string_view text) {
  return base::IpAddress::parse(text).value();
}
inline base::Prefix cidr(std::string_view text) {
  return base::Prefix::parse(text).value();
}
inline base::IfName ifName(std::string_view text) {
  return base::IfName::parse(text).value();
}
inline base::MacAddress mac(std::string_view text) {
  return base::MacAddress::parse(text).value();
}

}  // namespace kpol::netlink
