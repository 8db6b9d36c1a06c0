// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "base/ip_address.hpp"
#include "base/unique_fd.hpp"
#include "netlink/netns.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <vector>

namespace kpol::test {

using Bytes = std::vector<std::uint8_t>;

// A UDP socket of a namespace, of both families.
class Udp {
 public:
  explicit Udp(const netlink::Netns& netns, std::uint16_t port = 0) {
    const auto inside = netns.enter();
    fd_ = base::UniqueFd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    if (::bind(fd_.value(), reinterpret_cast<sockaddr*>(&any), sizeof any) != 0)
      throw base::SystemError("bind a UDP socket", errno);
  }
  void send(const base::IpAddress& to, std::uint16_t port, const Bytes& what) const {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    auto* bytes = address.sin6_addr.s6_addr;
    if (to.isV4()) bytes[10] = bytes[11] = 0xFF;
    std::memcpy(bytes + (to.isV4() ? 12 : 0), to.bytes().data(), to.bytes().size());
    ::sendto(fd_.value(), what.data(), what.size(), 0, reinterpret_cast<sockaddr*>(&address),
             sizeof address);
  }
  // Whether something arrives in time.
  [[nodiscard]] bool readable(int milliseconds) const {
    pollfd poll{fd_.value(), POLLIN, 0};
    return ::poll(&poll, 1, milliseconds) == 1;
  }
  [[nodiscard]] int fd() const { return fd_.value(); }
  struct Received {
    std::string from;  // its address; "" if nothing arrived
    std::uint16_t port = 0;
    base::IpAddress address;
  };
  Received receive(int milliseconds) const {
    if (!readable(milliseconds)) return {};
    sockaddr_in6 from{};
    socklen_t length = sizeof from;
    std::array<char, 512> buffer{};
    if (::recvfrom(fd_.value(), buffer.data(), buffer.size(), 0, reinterpret_cast<sockaddr*>(&from),
                   &length) < 0)
      return {};
    const bool mapped = IN6_IS_ADDR_V4MAPPED(&from.sin6_addr);
    const std::span all(from.sin6_addr.s6_addr);
    const auto address = *base::IpAddress::fromBytes(mapped ? all.subspan(12) : all);
    return {toString(address), ntohs(from.sin6_port), address};
  }

 private:
  base::UniqueFd fd_;
};

}  // namespace kpol::test
