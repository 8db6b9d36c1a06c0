// SPDX-License-Identifier: Apache-2.0
#include "netlink/message.hpp"

#include "netlink/error.hpp"

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include <algorithm>
#include <cerrno>

namespace kpol::netlink {
namespace {

nlmsghdr* header(std::array<std::uint8_t, Message::kCapacity>& bytes) {
  return reinterpret_cast<nlmsghdr*>(bytes.data());
}

void expectRoom(bool fits) {
  if (!fits) throw Error("build a netlink request", EMSGSIZE);
}

}  // namespace

Message::Message(std::uint16_t type, std::uint16_t flags) {
  nlmsghdr* message = mnl_nlmsg_put_header(bytes_.data());
  message->nlmsg_type = type;
  message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
}

Message Message::forObject(std::uint16_t newType, Verb verb) {
  switch (verb) {
    case Verb::Add: return {newType, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL};
    case Verb::Replace: return {newType, NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE};
    case Verb::Delete: break;
  }
  return {static_cast<std::uint16_t>(newType + 1), NLM_F_ACK};
}

void Message::append(std::span<const std::uint8_t> bytes) {
  nlmsghdr* message = header(bytes_);
  expectRoom(message->nlmsg_len + MNL_ALIGN(bytes.size()) <= kCapacity);
  void* place = mnl_nlmsg_put_extra_header(message, bytes.size());
  std::copy(bytes.begin(), bytes.end(), static_cast<std::uint8_t*>(place));
}

void Message::put(std::uint16_t type, std::span<const std::uint8_t> payload) {
  expectRoom(mnl_attr_put_check(header(bytes_), kCapacity, type, payload.size(), payload.data()));
}

void Message::putU8(std::uint16_t type, std::uint8_t value) {
  expectRoom(mnl_attr_put_u8_check(header(bytes_), kCapacity, type, value));
}

void Message::putU32(std::uint16_t type, std::uint32_t value) {
  expectRoom(mnl_attr_put_u32_check(header(bytes_), kCapacity, type, value));
}

void Message::putIndex(std::uint16_t type, std::int32_t index) {
  putU32(type, static_cast<std::uint32_t>(index));
}

void Message::putText(std::uint16_t type, const std::string& text) {
  expectRoom(mnl_attr_put_strz_check(header(bytes_), kCapacity, type, text.c_str()));
}

Nest Message::nest(std::uint16_t type) {
  const std::size_t offset = header(bytes_)->nlmsg_len;
  expectRoom(mnl_attr_nest_start_check(header(bytes_), kCapacity, type) != nullptr);
  return {*this, offset};
}

Nest::~Nest() {
  auto* start = reinterpret_cast<nlattr*>(message_.bytes_.data() + offset_);
  mnl_attr_nest_end(header(message_.bytes_), start);
}

void Message::setSequence(std::uint32_t sequence) {
  header(bytes_)->nlmsg_seq = sequence;
}

void Message::addFlags(std::uint16_t flags) {
  header(bytes_)->nlmsg_flags |= flags;
}

std::span<const std::uint8_t> Message::bytes() const {
  return std::span(bytes_).first(reinterpret_cast<const nlmsghdr*>(bytes_.data())->nlmsg_len);
}

}  // namespace kpol::netlink
