// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/mac_address.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>

namespace kpol::netlink {

// The operation of a request. Determines the message type (in rtnetlink, DEL is NEW + 1) and the
// flags.
enum class Verb { Add, Replace, Delete };

class Nest;

// A request: netlink header, family header, attributes. Stores its bytes inline, so building it
// allocates no memory. Throws Error with EMSGSIZE if it would exceed kCapacity.
class Message {
 public:
  static constexpr std::size_t kCapacity = 2048;

  // NLM_F_REQUEST is always set.
  Message(std::uint16_t type, std::uint16_t flags);
  // newType: RTM_NEWLINK, RTM_NEWADDR, ..., for all verbs.
  static Message forObject(std::uint16_t newType, Verb verb);

  // A struct such as ifinfomsg. Must come before the attributes, or first in a nest.
  template <class Header>
  void putHeader(const Header& header) {
    static_assert(std::is_trivially_copyable_v<Header>);
    append({reinterpret_cast<const std::uint8_t*>(&header), sizeof(header)});
  }

  void put(std::uint16_t type, std::span<const std::uint8_t> payload);
  void put(std::uint16_t type, const base::IpAddress& address) { put(type, address.bytes()); }
  void put(std::uint16_t type, const base::MacAddress& address) { put(type, address.bytes); }
  void putU8(std::uint16_t type, std::uint8_t value);
  void putU32(std::uint16_t type, std::uint32_t value);
  void putIndex(std::uint16_t type, std::int32_t index);
  void putText(std::uint16_t type, const std::string& text);  // with a terminating NUL
  // Attributes that are put during the nest's lifetime go inside it.
  [[nodiscard]] Nest nest(std::uint16_t type);

  void setSequence(std::uint32_t sequence);
  void addFlags(std::uint16_t flags);
  [[nodiscard]] std::span<const std::uint8_t> bytes() const;

 private:
  friend class Nest;
  void append(std::span<const std::uint8_t> bytes);

  // Aligned for struct nlmsghdr. Zeroed, because libmnl 1.0.4 does not clear the padding of
  // attributes.
  alignas(8) std::array<std::uint8_t, kCapacity> bytes_{};
};

// An open nested attribute of a message. The destructor closes it and must run before the message
// is sent or returned. Nests close in reverse order of opening.
class Nest {
 public:
  Nest(const Nest&) = delete;
  Nest& operator=(const Nest&) = delete;
  ~Nest();

 private:
  friend class Message;
  Nest(Message& message, std::size_t offset) : message_(message), offset_(offset) {}
  Message& message_;
  std::size_t offset_;
};

}  // namespace kpol::netlink
