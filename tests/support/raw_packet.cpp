// SPDX-License-Identifier: Apache-2.0
#include "tests/support/raw_packet.hpp"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>

#include <algorithm>
#include <cstddef>

namespace kpol::test {
namespace {

void put16(Bytes& bytes, std::size_t at, std::size_t value) {
  bytes[at] = static_cast<std::uint8_t>(value >> 8U);
  bytes[at + 1] = static_cast<std::uint8_t>(value);
}

void append(Bytes& bytes, std::span<const std::uint8_t> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

std::uint16_t checksum(Bytes bytes) {
  if (bytes.size() % 2 != 0) bytes.push_back(0);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); i += 2) sum += bytes[i] * 256U + bytes[i + 1];
  while (sum > 0xFFFFU) sum = (sum & 0xFFFFU) + (sum >> 16U);
  return static_cast<std::uint16_t>(~sum);
}

std::size_t checksumOffset(std::uint8_t protocol) {
  switch (protocol) {
    case 6: return 16;
    case 17: return 6;
    default: return 2;
  }
}

Bytes ip4Header(const base::IpAddress& from, const base::IpAddress& to, std::uint8_t protocol,
                std::size_t payload, std::uint8_t hopLimit) {
  Bytes header{0x45, 0, 0, 0, 0, 0, 0, 0, hopLimit, protocol, 0, 0};
  put16(header, 2, 20 + payload);
  append(header, from.bytes());
  append(header, to.bytes());
  put16(header, 10, checksum(header));
  return header;
}

Bytes ip6Header(const base::IpAddress& from, const base::IpAddress& to, std::uint8_t protocol,
                std::size_t payload, std::uint8_t hopLimit) {
  Bytes header{0x60, 0, 0, 0, 0, 0, protocol, hopLimit};
  put16(header, 4, payload);
  append(header, from.bytes());
  append(header, to.bytes());
  return header;
}

template <typename Address>
void sendTo(int fd, const Bytes& packet, const Address& address) {
  if (::sendto(fd, packet.data(), packet.size(), 0, reinterpret_cast<const sockaddr*>(&address),
               sizeof address) < 0)
    throw base::SystemError("send a raw packet", errno);
}

}  // namespace

Bytes tcpHeader(std::uint16_t from, std::uint16_t to, std::uint8_t flags) {
  Bytes header(20);
  put16(header, 0, from);
  put16(header, 2, to);
  header[12] = 5 << 4U;
  header[13] = flags;
  return header;
}

Bytes udpDatagram(std::uint16_t from, std::uint16_t to, const Bytes& what) {
  Bytes datagram(8);
  put16(datagram, 0, from);
  put16(datagram, 2, to);
  put16(datagram, 4, 8 + what.size());
  append(datagram, what);
  return datagram;
}

Bytes rawPacket(const base::IpAddress& from, const base::IpAddress& to, std::uint8_t protocol,
                Bytes payload, std::uint8_t hopLimit) {
  Bytes summed;  // the pseudo header (RFC 9293, RFC 8200), and the payload
  append(summed, from.bytes());
  append(summed, to.bytes());
  Bytes rest(4);
  put16(rest, 0, payload.size());
  rest[3] = protocol;
  append(summed, rest);
  append(summed, payload);
  put16(payload, checksumOffset(protocol), checksum(summed));
  auto packet = from.isV4() ? ip4Header(from, to, protocol, payload.size(), hopLimit)
                            : ip6Header(from, to, protocol, payload.size(), hopLimit);
  append(packet, payload);
  return packet;
}

void sendRaw(const netlink::Netns& netns, const Bytes& packet) {
  const auto inside = netns.enter();
  const bool v4 = packet.front() >> 4U == 4;
  const base::UniqueFd fd(::socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW));
  if (!fd) throw base::SystemError("make a raw socket", errno);
  const std::span all(packet);
  if (v4) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    std::memcpy(&to.sin_addr, all.subspan(16).data(), 4);
    sendTo(fd.value(), packet, to);
  } else {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    std::memcpy(&to.sin6_addr, all.subspan(24).data(), 16);
    sendTo(fd.value(), packet, to);
  }
}

void sendOnLink(const netlink::Netns& netns, const std::string& name,
                const std::array<std::uint8_t, 6>& to, const Bytes& packet) {
  const auto inside = netns.enter();
  const bool v4 = packet.front() >> 4U == 4;
  const base::UniqueFd fd(::socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) throw base::SystemError("make a packet socket", errno);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(v4 ? ETH_P_IP : ETH_P_IPV6);
  address.sll_ifindex = static_cast<int>(::if_nametoindex(name.c_str()));
  address.sll_halen = static_cast<unsigned char>(to.size());
  std::copy(to.begin(), to.end(), address.sll_addr);
  sendTo(fd.value(), packet, address);
}

RawReceiver::RawReceiver(const netlink::Netns& netns, base::Family family, std::uint8_t protocol) {
  const auto inside = netns.enter();
  fd_ = base::UniqueFd(
      ::socket(family == base::Family::V4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd_) throw base::SystemError("make a raw socket", errno);
}

std::string RawReceiver::receive(int milliseconds) const {
  pollfd poll{fd_.value(), POLLIN, 0};
  if (::poll(&poll, 1, milliseconds) != 1) return {};
  sockaddr_storage from{};
  socklen_t length = sizeof from;
  std::array<char, 512> buffer{};
  if (::recvfrom(fd_.value(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from),
                 &length) < 0)
    return {};
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(&from);
  const bool v4 = from.ss_family == AF_INET;
  const auto* address =
      bytes + (v4 ? offsetof(sockaddr_in, sin_addr) : offsetof(sockaddr_in6, sin6_addr));
  return toString(*base::IpAddress::fromBytes(std::span(address, v4 ? 4U : 16U)));
}

}  // namespace kpol::test
