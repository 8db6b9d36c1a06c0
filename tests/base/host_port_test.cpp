// SPDX-License-Identifier: Apache-2.0
#include "base/host_port.hpp"

#include <gtest/gtest.h>

namespace kpol::base {
namespace {

HostPort tcp(std::uint16_t port, const char* ip = nullptr) {
  return {Protocol::Tcp, port, ip == nullptr ? std::nullopt : IpAddress::parse(ip), 80};
}

TEST(HostPort, OverlapsIfOnePacketMatchesBoth) {
  EXPECT_TRUE(overlap(tcp(80), tcp(80)));
  EXPECT_TRUE(overlap(tcp(80), tcp(80, "192.0.2.1")));
  EXPECT_TRUE(overlap(tcp(80, "0.0.0.0"), tcp(80, "192.0.2.1")));
  EXPECT_TRUE(overlap(tcp(80, "::"), tcp(80, "2001:db8::1")));
  EXPECT_TRUE(overlap(tcp(80, "192.0.2.1"), tcp(80, "192.0.2.1")));
}

TEST(HostPort, DoesNotOverlapByPortProtocolAddressOrFamily) {
  EXPECT_FALSE(overlap(tcp(80), tcp(81)));
  EXPECT_FALSE(overlap(tcp(80), HostPort{Protocol::Udp, 80, {}, 80}));
  EXPECT_FALSE(overlap(tcp(80, "192.0.2.1"), tcp(80, "192.0.2.2")));
  EXPECT_FALSE(overlap(tcp(80, "0.0.0.0"), tcp(80, "::")));
  EXPECT_FALSE(overlap(tcp(80, "0.0.0.0"), tcp(80, "2001:db8::1")));
}

TEST(HostPort, PrintsAsSocketAddress) {
  EXPECT_EQ(toString(tcp(80)), "TCP 80");
  EXPECT_EQ(toString(tcp(80, "192.0.2.1")), "TCP 192.0.2.1:80");
  EXPECT_EQ(toString(tcp(80, "::1")), "TCP [::1]:80");
}

}  // namespace
}  // namespace kpol::base
