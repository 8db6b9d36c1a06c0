// SPDX-License-Identifier: Apache-2.0
#include "netlink/parse.hpp"

#include "netlink/error.hpp"

#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>
#include <string>

namespace kpol::netlink {
namespace {

[[noreturn]] void malformed(const std::string& what) {
  throw Error("parse a netlink message: " + what, EBADMSG);
}

template <class T>
T exact(const Attribute& attribute) {
  if (attribute.payload.size() != sizeof(T))
    malformed("attribute " + std::to_string(attribute.type) + " has " +
              std::to_string(attribute.payload.size()) + " bytes, not " +
              std::to_string(sizeof(T)));
  T value;
  std::memcpy(&value, attribute.payload.data(), sizeof(T));
  return value;
}

// Removes the request that an NLMSG_ERROR quotes: only its header if NLM_F_CAPPED, else all of it.
void cutQuotedRequest(const MessageView& message, std::span<const std::uint8_t>& rest) {
  auto peek = rest;
  const auto quoted = cutHeader<nlmsghdr>(peek);
  const bool whole = (message.flags & NLM_F_CAPPED) == 0;
  cut(rest, whole ? std::max<std::size_t>(quoted.nlmsg_len, sizeof(quoted)) : sizeof(quoted));
}

}  // namespace

std::span<const std::uint8_t> cut(std::span<const std::uint8_t>& bytes, std::size_t size) {
  if (size > bytes.size())
    malformed(std::to_string(size) + " bytes expected, " + std::to_string(bytes.size()) + " there");
  const auto front = bytes.first(size);
  // The last element of a sequence may lack its padding.
  bytes = bytes.subspan(std::min<std::size_t>(NLMSG_ALIGN(size), bytes.size()));
  return front;
}

std::optional<MessageView> Messages::next() {
  if (rest_.empty()) return std::nullopt;
  auto peek = rest_;
  const auto header = cutHeader<nlmsghdr>(peek);
  if (header.nlmsg_len < sizeof(header)) malformed("a message shorter than its header");
  const auto message = cut(rest_, header.nlmsg_len);
  return MessageView{header.nlmsg_type, header.nlmsg_flags, header.nlmsg_seq, header.nlmsg_pid,
                     message.subspan(sizeof(header))};
}

std::optional<Attribute> Attributes::next() {
  if (rest_.empty()) return std::nullopt;
  auto peek = rest_;
  const auto header = cutHeader<nlattr>(peek);
  if (header.nla_len < sizeof(header)) malformed("an attribute shorter than its header");
  const auto attribute = cut(rest_, header.nla_len);
  return Attribute{static_cast<std::uint16_t>(header.nla_type & NLA_TYPE_MASK),
                   attribute.subspan(sizeof(header))};
}

std::uint8_t Attribute::u8() const {
  return exact<std::uint8_t>(*this);
}

std::uint32_t Attribute::u32() const {
  return exact<std::uint32_t>(*this);
}

std::int32_t Attribute::i32() const {
  return exact<std::int32_t>(*this);
}

std::string_view Attribute::text() const {
  const auto end = std::find(payload.begin(), payload.end(), std::uint8_t{0});
  if (end == payload.end())
    malformed("attribute " + std::to_string(type) + " is a string without a terminating NUL");
  return {reinterpret_cast<const char*>(payload.data()),
          static_cast<std::size_t>(end - payload.begin())};
}

base::IpAddress Attribute::address() const {
  const auto address = base::IpAddress::fromBytes(payload);
  if (!address)
    malformed("attribute " + std::to_string(type) + " is an address of " +
              std::to_string(payload.size()) + " bytes");
  return *address;
}

std::optional<base::MacAddress> Attribute::mac() const {
  base::MacAddress address;
  if (payload.size() != address.bytes.size()) return std::nullopt;
  std::copy(payload.begin(), payload.end(), address.bytes.begin());
  return address;
}

Attributes Attribute::nested() const {
  return Attributes(payload);
}

ErrorReply errorReply(const MessageView& message) {
  auto rest = message.payload;
  const auto code = cutHeader<std::int32_t>(rest);  // 0, or -errno
  if (code == 0) return {};
  if (code > 0 || code < -4095)  // MAX_ERRNO: the kernel never sends these
    malformed("invalid error code " + std::to_string(code));
  if ((message.flags & NLM_F_ACK_TLVS) == 0) return {-code, {}};
  if (message.type == NLMSG_ERROR) cutQuotedRequest(message, rest);
  return {-code, rest};
}

}  // namespace kpol::netlink
