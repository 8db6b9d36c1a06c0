// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

// Reading what the kernel sent, as views into the datagram. Bytes of any alignment are read; bytes
// that lie about their length throw Error with EBADMSG, and nothing is read beyond the span.
namespace kpol::netlink {

// One message of a datagram.
struct MessageView {
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint32_t sequence = 0;
  std::uint32_t portId = 0;
  std::span<const std::uint8_t> payload;
};

// The messages of a datagram in turn.
class Messages {
 public:
  explicit Messages(std::span<const std::uint8_t> datagram) : rest_(datagram) {}
  // Nothing at the end. Throws on a truncated message.
  std::optional<MessageView> next();

 private:
  std::span<const std::uint8_t> rest_;
};

class Attributes;

// One attribute. The typed readers throw when the payload has not exactly the type's length.
struct Attribute {
  std::uint16_t type = 0;  // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
  std::span<const std::uint8_t> payload;

  [[nodiscard]] std::uint8_t u8() const;
  [[nodiscard]] std::uint32_t u32() const;
  [[nodiscard]] std::int32_t i32() const;
  // The text before its terminating zero. Throws when there is none.
  [[nodiscard]] std::string_view text() const;
  [[nodiscard]] base::IpAddress address() const;  // 4 or 16 bytes
  // Nothing for a link-layer address that is not Ethernet's.
  [[nodiscard]] std::optional<base::MacAddress> mac() const;
  [[nodiscard]] Attributes nested() const;
};

// Attributes in turn, in the order they were sent; types the reader does not know are its to skip.
class Attributes {
 public:
  explicit Attributes(std::span<const std::uint8_t> bytes) : rest_(bytes) {}
  // Nothing at the end. Throws on an attribute shorter than its header or longer than the rest.
  std::optional<Attribute> next();

 private:
  std::span<const std::uint8_t> rest_;
};

// Cuts `size` bytes (aligned to 4 where more follow) off the front. Throws when there are fewer.
std::span<const std::uint8_t> cut(std::span<const std::uint8_t>& bytes, std::size_t size);

// Cuts a family's fixed header off the front.
template <class Header>
Header cutHeader(std::span<const std::uint8_t>& bytes) {
  static_assert(std::is_trivially_copyable_v<Header>);
  Header header;
  std::memcpy(&header, cut(bytes, sizeof(Header)).data(), sizeof(Header));
  return header;
}

}  // namespace kpol::netlink
