// SPDX-License-Identifier: Apache-2.0
#include "netlink/neighbour.hpp"

#include "netlink/error.hpp"
#include "tests/netlink/bytes.hpp"

#include <gtest/gtest.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <string>

namespace kpol::netlink {
namespace {

Bytes neighbourHeader(int family, int index, int state) {
  ndmsg kernel{};
  kernel.ndm_family = static_cast<std::uint8_t>(family);
  kernel.ndm_ifindex = index;
  kernel.ndm_state = static_cast<std::uint16_t>(state);
  return raw(kernel);
}

const Bytes kMac = {2, 0, 0, 0, 0, 1};

struct NeighbourCase {
  int family;
  std::string address;
};

class NeighbourBytes : public testing::TestWithParam<NeighbourCase> {
 protected:
  [[nodiscard]] Neighbour neighbour(bool permanent) const {
    return {base::IfIndex{7}, ip(GetParam().address), mac("02:00:00:00:00:01"), permanent};
  }
  [[nodiscard]] Bytes head(int state) const { return neighbourHeader(GetParam().family, 7, state); }
  [[nodiscard]] Bytes destination() const {
    return attribute(NDA_DST, copy(ip(GetParam().address).bytes()));
  }
};

TEST_P(NeighbourBytes, AreEncodedWithTheirState) {
  const int flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE;
  const auto both = join(destination(), attribute(NDA_LLADDR, kMac));
  EXPECT_EQ(copy(encode(Verb::Replace, neighbour(true)).bytes()),
            message({RTM_NEWNEIGH, flags}, join(head(NUD_PERMANENT), both)));
  EXPECT_EQ(copy(encode(Verb::Replace, neighbour(false)).bytes()),
            message({RTM_NEWNEIGH, flags}, join(head(NUD_REACHABLE), both)));
}

TEST_P(NeighbourBytes, DeleteNamesLinkAndAddressOnly) {
  EXPECT_EQ(
      copy(encode(Verb::Delete, neighbour(true)).bytes()),
      message({RTM_DELNEIGH, NLM_F_REQUEST | NLM_F_ACK}, join(head(NUD_PERMANENT), destination())));
}

TEST_P(NeighbourBytes, AreReadWhenTheirAddressIsKnown) {
  const auto both = join(destination(), attribute(NDA_LLADDR, kMac), u32(NDA_PROBES, 0));
  EXPECT_EQ(parseNeighbour(join(head(NUD_PERMANENT), both)), neighbour(true));
  for (const int state : {NUD_REACHABLE, NUD_STALE, NUD_DELAY, NUD_PROBE})
    EXPECT_EQ(parseNeighbour(join(head(state), both)), neighbour(false)) << state;
}

TEST_P(NeighbourBytes, EntriesWithoutAnEthernetAddressAreIgnored) {
  EXPECT_EQ(parseNeighbour(join(head(NUD_INCOMPLETE), destination())), std::nullopt);
  EXPECT_EQ(parseNeighbour(join(head(NUD_FAILED), destination())), std::nullopt);
  EXPECT_EQ(parseNeighbour(join(head(NUD_NOARP), destination(), attribute(NDA_LLADDR, kMac))),
            std::nullopt);
  EXPECT_EQ(
      parseNeighbour(join(head(NUD_REACHABLE), destination(), attribute(NDA_LLADDR, zeros(20)))),
      std::nullopt);
}

TEST_P(NeighbourBytes, MalformedNeighboursAreRejected) {
  for (const auto& malformed :
       {Bytes{}, zeros(11), head(NUD_REACHABLE), join(head(NUD_REACHABLE), attribute(NDA_DST, {1})),
        join(head(NUD_REACHABLE), destination(), Bytes{90, 0, 2, 0})}) {
    try {
      parseNeighbour(malformed);
      ADD_FAILURE() << "was read: " << testing::PrintToString(malformed);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), EBADMSG);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Families, NeighbourBytes,
                         testing::Values(NeighbourCase{AF_INET, "169.254.1.1"},
                                         NeighbourCase{AF_INET6, "fe80::1"}));

TEST(ParseNeighbour, FdbEntriesAreIgnored) {
  EXPECT_EQ(parseNeighbour(
                join(neighbourHeader(AF_BRIDGE, 7, NUD_PERMANENT), attribute(NDA_LLADDR, kMac))),
            std::nullopt);
}

TEST(EncodeDumpNeighbours, FiltersByLinkInAnAttribute) {
  const auto head = neighbourHeader(AF_UNSPEC, 0, 0);
  EXPECT_EQ(copy(encodeDumpNeighbours(std::nullopt).bytes()),
            message({RTM_GETNEIGH, NLM_F_REQUEST}, head));
  EXPECT_EQ(copy(encodeDumpNeighbours(base::IfIndex{7}).bytes()),
            message({RTM_GETNEIGH, NLM_F_REQUEST}, join(head, u32(NDA_IFINDEX, 7))));
}

TEST(NeighbourKeyBytes, AreReadWithoutAnEthernetAddress) {
  const auto payload =
      join(neighbourHeader(AF_INET, 7, NUD_FAILED), attribute(NDA_DST, {10, 0, 0, 1}));
  EXPECT_EQ(parseNeighbourKey(payload), (NeighbourKey{base::IfIndex{7}, ip("10.0.0.1")}));
  EXPECT_EQ(parseNeighbourKey(neighbourHeader(PF_BRIDGE, 7, NUD_PERMANENT)), std::nullopt);
  EXPECT_THROW(parseNeighbourKey(neighbourHeader(AF_INET, 7, NUD_FAILED)), Error);
}

Bytes forwardingHeader() {
  ndmsg kernel{};
  kernel.ndm_family = PF_BRIDGE;
  kernel.ndm_ifindex = 7;
  kernel.ndm_state = NUD_PERMANENT;
  kernel.ndm_flags = NTF_SELF;
  return raw(kernel);
}

TEST(ForwardingBytes, FdbEntriesAreOfTheDeviceAndPermanent) {
  const ForwardingEntry entry{base::IfIndex{7}, mac("02:00:00:00:00:01"), ip("192.0.2.1")};
  const auto payload =
      join(forwardingHeader(), attribute(NDA_LLADDR, kMac), attribute(NDA_DST, {192, 0, 2, 1}));
  EXPECT_EQ(
      copy(encode(Verb::Replace, entry).bytes()),
      message({RTM_NEWNEIGH, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_REPLACE}, payload));
  EXPECT_EQ(copy(encode(Verb::Delete, entry).bytes()),
            message({RTM_DELNEIGH, NLM_F_REQUEST | NLM_F_ACK}, payload));
  EXPECT_EQ(parseForwardingEntry(payload), entry);
}

TEST(ForwardingBytes, EntriesWithoutDestinationAreIgnored) {
  EXPECT_EQ(parseForwardingEntry(join(forwardingHeader(), attribute(NDA_LLADDR, kMac))),
            std::nullopt);
  EXPECT_EQ(
      parseForwardingEntry(join(neighbourHeader(AF_INET, 7, NUD_PERMANENT),
                                attribute(NDA_LLADDR, kMac), attribute(NDA_DST, {192, 0, 2, 1}))),
      std::nullopt);
}

}  // namespace
}  // namespace kpol::netlink
