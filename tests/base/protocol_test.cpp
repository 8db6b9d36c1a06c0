// SPDX-License-Identifier: Apache-2.0
#include "base/protocol.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>

namespace kpol::base {
namespace {

TEST(Protocol, ParsesAndPrintsApiNames) {
  for (const auto protocol : {Protocol::Tcp, Protocol::Udp, Protocol::Sctp})
    EXPECT_EQ(parseProtocol(toString(protocol)), protocol);
  EXPECT_EQ(toString(Protocol::Tcp), "TCP");
  EXPECT_EQ(toString(Protocol::Udp), "UDP");
  EXPECT_EQ(toString(Protocol::Sctp), "SCTP");
}

TEST(Protocol, RejectsOtherText) {
  for (const auto* text : {"", "tcp", "Tcp", "TCP ", "ICMP", "6", "TCPX"})
    EXPECT_EQ(parseProtocol(text), std::nullopt) << text;
}

TEST(Protocol, ValuesAreIanaNumbers) {
  EXPECT_EQ(static_cast<int>(Protocol::Tcp), IPPROTO_TCP);
  EXPECT_EQ(static_cast<int>(Protocol::Udp), IPPROTO_UDP);
  EXPECT_EQ(static_cast<int>(Protocol::Sctp), IPPROTO_SCTP);
}

}  // namespace
}  // namespace kpol::base
