// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.hpp"
#include "netlink/conntrack.hpp"
#include "netlink/route_socket.hpp"
#include "tests/support/addresses.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>
#include <vector>

namespace kpol::netlink {
namespace {

using test::ip;

// Sends one datagram over the loopback interface, which is enough for a flow to be tracked.
void sendDatagram(const char* from, const char* to) {
  const auto address = [](const char* text, std::uint16_t port, sockaddr_storage& storage) {
    const auto parsed = ip(text);
    if (parsed.isV4()) {
      auto* in = reinterpret_cast<sockaddr_in*>(&storage);
      in->sin_family = AF_INET;
      in->sin_port = htons(port);
      std::memcpy(&in->sin_addr, parsed.bytes().data(), 4);
      return static_cast<socklen_t>(sizeof *in);
    }
    auto* in = reinterpret_cast<sockaddr_in6*>(&storage);
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(port);
    std::memcpy(&in->sin6_addr, parsed.bytes().data(), 16);
    return static_cast<socklen_t>(sizeof *in);
  };
  sockaddr_storage source{};
  sockaddr_storage destination{};
  const auto sourceLength = address(from, 0, source);
  const auto length = address(to, 9999, destination);
  const base::UniqueFd receiver(socket(destination.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(receiver.value(), reinterpret_cast<sockaddr*>(&destination), length), 0);
  const base::UniqueFd sender(socket(source.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(sender.value(), reinterpret_cast<sockaddr*>(&source), sourceLength), 0);
  ASSERT_EQ(sendto(sender.value(), "x", 1, 0, reinterpret_cast<sockaddr*>(&destination), length),
            1);
}

class Conntrack : public ::testing::Test {
 protected:
  void SetUp() override {
    // Conntrack is active in a namespace only while a rule there needs it.
    ASSERT_EQ(std::system("nft 'add table inet t; add chain inet t c "
                          "{ type filter hook input priority 0; }; "
                          "add rule inet t c ct state new accept'"),
              0);
    RouteSocket socket;
    for (const char* address : {"fd00::1", "fd00::2"})
      socket.addAddress({{1}, ip(address), 128, true});
  }
  void TearDown() override { EXPECT_EQ(std::system("nft delete table inet t"), 0); }
};

TEST_F(Conntrack, DeletesEntriesWithTheAddressAtEitherEnd) {
  sendDatagram("127.0.0.2", "127.0.0.1");
  sendDatagram("127.0.0.3", "127.0.0.1");
  sendDatagram("127.0.0.3", "127.0.0.2");
  EXPECT_EQ(forgetFlows(std::vector{ip("127.0.0.2")}), 2U);
  EXPECT_EQ(forgetFlows(std::vector{ip("127.0.0.2")}), 0U);
  EXPECT_EQ(forgetFlows(std::vector{ip("127.0.0.1")}), 1U);
}

TEST_F(Conntrack, BothFamiliesAtOnce) {
  sendDatagram("127.0.0.2", "127.0.0.1");
  sendDatagram("fd00::2", "fd00::1");
  EXPECT_EQ(forgetFlows(std::vector{ip("127.0.0.2"), ip("fd00::2")}), 2U);
}

TEST_F(Conntrack, DeletesDatagramEntriesToAPort) {
  const auto port = [](const char* address, std::uint16_t number,
                       base::Protocol protocol = base::Protocol::Udp) {
    std::optional<base::IpAddress> only;
    if (address != nullptr) only = ip(address);
    return std::vector{base::HostPort{protocol, number, only, 80}};
  };
  sendDatagram("127.0.0.2", "127.0.0.1");
  sendDatagram("fd00::2", "fd00::1");
  EXPECT_EQ(forgetDatagramFlows({}), 0U);
  EXPECT_EQ(forgetDatagramFlows(port(nullptr, 9998)), 0U);
  EXPECT_EQ(forgetDatagramFlows(port(nullptr, 9999, base::Protocol::Tcp)), 0U);
  EXPECT_EQ(forgetDatagramFlows(port("127.0.0.9", 9999)), 0U);
  EXPECT_EQ(forgetDatagramFlows(port("::", 9999)), 1U);
  EXPECT_EQ(forgetDatagramFlows(port("127.0.0.1", 9999)), 1U);
  sendDatagram("127.0.0.2", "127.0.0.1");
  sendDatagram("fd00::2", "fd00::1");
  EXPECT_EQ(forgetDatagramFlows(port(nullptr, 9999)), 2U);
}

TEST_F(Conntrack, DeletesManyEntries) {
  for (int i = 0; i < 500; ++i) sendDatagram("127.0.0.2", "127.0.0.1");
  EXPECT_GE(forgetFlows(std::vector{ip("127.0.0.2")}), 400U);  // some ports may be used twice
  EXPECT_EQ(forgetFlows(std::vector{ip("127.0.0.2")}), 0U);
}

TEST_F(Conntrack, NoAddressDeletesNothing) {
  sendDatagram("127.0.0.2", "127.0.0.1");
  EXPECT_EQ(forgetFlows({}), 0U);
  EXPECT_EQ(forgetFlows(std::vector{ip("127.0.0.2")}), 1U);
}

}  // namespace
}  // namespace kpol::netlink
