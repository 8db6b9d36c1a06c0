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

// Parses messages from the kernel as views into the datagram. The bytes can have any alignment.
// Invalid lengths throw Error with EBADMSG; no read goes beyond the span.
namespace kpol::netlink {

// One message of a datagram.
struct MessageView {
  std::uint16_t type = 0;
  std::uint16_t flags = 0;
  std::uint32_t sequence = 0;
  std::uint32_t portId = 0;
  std::span<const std::uint8_t> payload;
};

// Iterates over the messages of a datagram.
class Messages {
 public:
  explicit Messages(std::span<const std::uint8_t> datagram) : rest_(datagram) {}
  // Returns nullopt at the end. Throws if a message is truncated.
  std::optional<MessageView> next();

 private:
  std::span<const std::uint8_t> rest_;
};

class Attributes;

// One attribute. The typed getters throw if the payload does not have exactly the type's length.
struct Attribute {
  std::uint16_t type = 0;  // without NLA_F_NESTED and NLA_F_NET_BYTEORDER
  std::span<const std::uint8_t> payload;

  [[nodiscard]] std::uint8_t u8() const;
  [[nodiscard]] std::uint32_t u32() const;
  [[nodiscard]] std::int32_t i32() const;
  // The text before the terminating NUL. Throws if there is no NUL.
  [[nodiscard]] std::string_view text() const;
  [[nodiscard]] base::IpAddress address() const;  // 4 or 16 bytes
  // Returns nullopt if the link-layer address is not an Ethernet address.
  [[nodiscard]] std::optional<base::MacAddress> mac() const;
  [[nodiscard]] Attributes nested() const;
};

// Iterates over attributes in the order they were sent. The caller skips types that it does not
// know.
class Attributes {
 public:
  explicit Attributes(std::span<const std::uint8_t> bytes) : rest_(bytes) {}
  // Returns nullopt at the end. Throws if an attribute is shorter than its header or longer than
  // the remaining bytes.
  std::optional<Attribute> next();

 private:
  std::span<const std::uint8_t> rest_;
};

// Removes `size` bytes, and the padding to 4 bytes if present, from the front of `bytes`. Returns
// the `size` bytes. Throws if there are fewer.
std::span<const std::uint8_t> cut(std::span<const std::uint8_t>& bytes, std::size_t size);

// Removes a family's fixed header from the front and returns it.
template <class Header>
Header cutHeader(std::span<const std::uint8_t>& bytes) {
  static_assert(std::is_trivially_copyable_v<Header>);
  Header header;
  std::memcpy(&header, cut(bytes, sizeof(Header)).data(), sizeof(Header));
  return header;
}

// What an NLMSG_ERROR or NLMSG_DONE says (netlink(7)).
struct ErrorReply {
  int code = 0;                              // errno; 0: success
  std::span<const std::uint8_t> attributes;  // NLMSGERR_ATTR_*, only of an error
};

// Throws if the message is too short, or if the code is none that the kernel sends.
ErrorReply errorReply(const MessageView& message);

}  // namespace kpol::netlink
