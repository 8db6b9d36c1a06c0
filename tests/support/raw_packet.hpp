// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/unique_fd.hpp"
#include "netlink/netns.hpp"
#include "tests/support/udp.hpp"

#include <array>
#include <cstdint>
#include <string>

// Packets with any content, as a pod with NET_RAW or a host outside can send them.
namespace kpol::test {

inline constexpr std::uint8_t kTcpFin = 1;
inline constexpr std::uint8_t kTcpSyn = 2;

// Headers and what follows them; checksums are filled in by rawPacket().
Bytes tcpHeader(std::uint16_t from, std::uint16_t to, std::uint8_t flags);
Bytes udpDatagram(std::uint16_t from, std::uint16_t to, const Bytes& what);

// An IP packet with this payload. `protocol`: 6, 17 or 58, whose checksum is filled in.
Bytes rawPacket(const base::IpAddress& from, const base::IpAddress& to, std::uint8_t protocol,
                Bytes payload, std::uint8_t hopLimit = 64);

// Sends it by the routes of the namespace, whatever its source is. Throws base::SystemError.
void sendRaw(const netlink::Netns& netns, const Bytes& packet);
// Sends it on the namespace's link `name`, to a link address.
void sendOnLink(const netlink::Netns& netns, const std::string& name,
                const std::array<std::uint8_t, 6>& to, const Bytes& packet);

// Receives all packets of a protocol that reach a namespace.
class RawReceiver {
 public:
  RawReceiver(const netlink::Netns& netns, base::Family family, std::uint8_t protocol);
  // The source of the next one; "" if there is none.
  [[nodiscard]] std::string receive(int milliseconds) const;

 private:
  base::UniqueFd fd_;
};

}  // namespace kpol::test
