// SPDX-License-Identifier: Apache-2.0
// For any bytes, the parsers return a value or throw Error, and read nothing beyond the end
// (checked by the sanitizers).
#include "netlink/address.hpp"
#include "netlink/error.hpp"
#include "netlink/link.hpp"
#include "netlink/neighbour.hpp"
#include "netlink/route.hpp"
#include "tests/netlink/bytes.hpp"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include <functional>
#include <string>

namespace kpol::netlink {
namespace {

struct Parser {
  std::string name;
  Bytes sample;  // a payload it reads
  std::function<void(std::span<const std::uint8_t>)> parse;
};

Bytes payloadOf(const Message& message) {
  return copy(message.bytes().subspan(16));
}

std::vector<Parser> parsers() {
  const base::IfIndex link{7};
  const Route route{.destination = cidr("fd00:1::/64"),
                    .gateway = ip("fe80::1"),
                    .link = link,
                    .preferredSource = ip("fd00:1::5"),
                    .mtu = 1400};
  const VethPair pair{.name = ifName("kpol0"),
                      .mac = mac("02:00:00:00:00:01"),
                      .peerName = ifName("eth0"),
                      .peerMac = mac("02:00:00:00:00:02"),
                      .mtu = 1450};
  return {
      {"link", payloadOf(encodeNewVeth(pair)), parseLink},
      {"address", payloadOf(encode(Verb::Add, Address{link, ip("fd00::1"), 64, true})),
       parseAddress},
      {"route", payloadOf(encode(Verb::Add, route)), parseRoute},
      {"neighbour",
       payloadOf(encode(Verb::Replace, Neighbour{link, ip("10.0.0.1"), mac("02:00:00:00:00:01")})),
       parseNeighbour}};
}

// 1 if the bytes were parsed, 0 if they were rejected.
int reads(const Parser& parser, const Bytes& bytes) {
  try {
    parser.parse(bytes);
    return 1;
  } catch (const Error&) {
    return 0;
  }
}

TEST(MalformedPayload, SamplesAreRead) {
  for (const auto& parser : parsers()) EXPECT_EQ(reads(parser, parser.sample), 1) << parser.name;
}

TEST(MalformedPayload, EveryTruncation) {
  for (const auto& parser : parsers()) {
    int read = 0;
    for (std::size_t size = 0; size < parser.sample.size(); ++size)
      read += reads(parser, Bytes(parser.sample.begin(),
                                  parser.sample.begin() + static_cast<std::ptrdiff_t>(size)));
    EXPECT_LT(read, static_cast<int>(parser.sample.size()) / 2) << parser.name;
  }
}

TEST(MalformedPayload, EveryByteWithEveryValue) {
  for (const auto& parser : parsers()) {
    auto bytes = parser.sample;
    int refused = 0;
    for (auto& byte : bytes) {
      const auto original = byte;
      for (int value = 0; value < 256; ++value) {
        byte = static_cast<std::uint8_t>(value);
        refused += 1 - reads(parser, bytes);
      }
      byte = original;
    }
    EXPECT_GT(refused, 0) << parser.name;
  }
}

}  // namespace
}  // namespace kpol::netlink
