// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.hpp"
#include "netlink/conntrack.hpp"
#include "netlink/flow_dump.hpp"
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
// `listener`: where NAT leads it to, if not to `to`.
void sendDatagram(const char* from, const char* to, const char* listener = nullptr) {
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
  sockaddr_storage server{};
  address(listener == nullptr ? to : listener, 9999, server);
  const base::UniqueFd receiver(socket(server.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(receiver.value(), reinterpret_cast<sockaddr*>(&server), length), 0);
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
  // From now on conntrack reserves space for labels.
  static void reserveLabels() {
    ASSERT_EQ(std::system("nft 'add chain inet t unused; "
                          "add rule inet t unused ct label set 127'"),
              0);
  }
  static std::vector<TrackedFlow> all(FlowDump dump) {
    std::vector<TrackedFlow> flows;
    for (;;) {
      auto batch = dump.next(3);
      if (batch.empty()) return flows;
      for (auto& flow : batch) flows.push_back(std::move(flow));
    }
  }
  // The only flow with this source; fails the test if there is another number.
  static TrackedFlow from(const char* source) {
    auto flows = all(FlowDump(std::vector{FlowEnd{ip(source), true, false}}));
    EXPECT_EQ(flows.size(), 1U) << source;
    return flows.empty() ? TrackedFlow() : flows.front();
  }
  void TearDown() override {
    for (const char* address : {"127.0.0.1", "127.0.0.2", "127.0.0.3", "fd00::1", "fd00::2"})
      forgetFlows(std::vector{ip(address)});
    EXPECT_EQ(std::system("nft delete table inet t"), 0);
  }
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

TEST_F(Conntrack, DumpsTheFlowsOfAnEnd) {
  // The IPv4 dumps have a filter, and that of IPv6 has none.
  for (const auto& [a, b] :
       {std::pair("127.0.0.2", "127.0.0.1"), std::pair("fd00::2", "fd00::1")}) {
    sendDatagram(a, b);
    sendDatagram(a, a);
    sendDatagram(b, a);
    const auto count = [](const char* address, bool opened, bool received) {
      const auto flows = all(FlowDump(std::vector{FlowEnd{ip(address), opened, received}}));
      for (const auto& flow : flows)
        EXPECT_TRUE((opened && flow.original.source == ip(address)) ||
                    (received && flow.reply.source == ip(address)));
      return flows.size();
    };
    EXPECT_EQ(count(a, true, false), 2U);
    EXPECT_EQ(count(b, true, false), 1U);
    EXPECT_EQ(count(a, false, true), 2U);
    EXPECT_EQ(count(b, false, true), 1U);
    EXPECT_GE(count(b, true, true), 2U);
    EXPECT_EQ(count(a[0] == 'f' ? "fd00::9" : "127.0.0.9", true, true), 0U);
  }
  EXPECT_EQ(all(FlowDump()).size(), 6U);
  std::vector<FlowEnd> many;  // too many for filters
  for (const char* address : {"127.0.0.1", "127.0.0.2", "127.0.0.9"})
    many.push_back({ip(address), true, false});
  EXPECT_EQ(all(FlowDump(many)).size(), 3U);
  many.push_back({ip("fd00::1"), true, false});
  EXPECT_EQ(all(FlowDump(many)).size(), 4U);
}

TEST_F(Conntrack, DumpsManyFlowsInBatches) {
  for (int i = 0; i < 500; ++i) sendDatagram("127.0.0.2", "127.0.0.1");
  FlowDump dump;
  std::size_t batches = 0;
  std::size_t flows = 0;
  for (;;) {
    const auto batch = dump.next(10);
    if (batch.empty()) break;
    ++batches;
    flows += batch.size();
  }
  EXPECT_GE(flows, 400U);  // some ports may be used twice
  EXPECT_GE(batches, 2U);
}

TEST_F(Conntrack, LabelsAreSetAndCleared) {
  reserveLabels();
  FlowLabel label(127);
  FlowLabel other(3);
  for (const auto& [a, b] :
       {std::pair("127.0.0.2", "127.0.0.1"), std::pair("fd00::2", "fd00::1")}) {
    sendDatagram(a, b);
    const auto flow = from(a);
    EXPECT_FALSE(flow.hasLabel(127));
    EXPECT_TRUE(other.set(flow));
    EXPECT_TRUE(label.set(flow));
    EXPECT_TRUE(from(a).hasLabel(127));
    EXPECT_EQ(from(a).id, flow.id) << "the same entry";
    EXPECT_TRUE(label.clear(from(a)));
    EXPECT_FALSE(from(a).hasLabel(127));
    EXPECT_TRUE(from(a).hasLabel(3)) << "other labels are left alone";
    EXPECT_EQ(forgetFlows(std::vector{ip(a)}), 1U);
    EXPECT_FALSE(label.set(flow)) << "gone";
    EXPECT_FALSE(label.clear(flow));
  }
}

TEST_F(Conntrack, EntriesWithoutSpaceForLabelsAreReplaced) {
  for (const auto& [a, b] :
       {std::pair("127.0.0.2", "127.0.0.1"), std::pair("fd00::2", "fd00::1")}) {
    sendDatagram(a, b);
  }
  reserveLabels();
  for (const auto& [a, b] :
       {std::pair("127.0.0.2", "127.0.0.1"), std::pair("fd00::2", "fd00::1")}) {
    const auto old = from(a);
    EXPECT_TRUE(FlowLabel(127).set(old));
    const auto now = from(a);
    EXPECT_TRUE(now.hasLabel(127));
    EXPECT_EQ(now.original, old.original);
    EXPECT_EQ(now.reply, old.reply);
    EXPECT_TRUE(FlowLabel(127).clear(now));
    EXPECT_FALSE(from(a).hasLabel(127));
    EXPECT_EQ(forgetFlows(std::vector{ip(a)}), 1U);
    EXPECT_FALSE(FlowLabel(127).set(old)) << "gone";
  }
}

TEST_F(Conntrack, ReplacedEntriesThatDoNotTranslateAreDeletedInTheEnd) {
  ASSERT_EQ(std::system("nft 'add chain inet t nat { type nat hook output priority -100; }; "
                        "add rule inet t nat ip daddr 127.0.0.77 dnat ip to 127.0.0.1'"),
            0);
  sendDatagram("127.0.0.2", "127.0.0.77", "127.0.0.1");
  EXPECT_FALSE(from("127.0.0.2").lacksTranslation());
  reserveLabels();
  EXPECT_TRUE(FlowLabel(127).set(from("127.0.0.2")));
  const auto replaced = from("127.0.0.2");
  EXPECT_EQ(replaced.original.destination, ip("127.0.0.77"));
  EXPECT_EQ(replaced.reply.source, ip("127.0.0.1"));
  EXPECT_TRUE(replaced.lacksTranslation());
  EXPECT_TRUE(FlowLabel(127).clear(replaced));
  EXPECT_EQ(forgetFlows(std::vector{ip("127.0.0.2")}), 0U);
}

TEST_F(Conntrack, NoAddressDeletesNothing) {
  sendDatagram("127.0.0.2", "127.0.0.1");
  EXPECT_EQ(forgetFlows({}), 0U);
  EXPECT_EQ(forgetFlows(std::vector{ip("127.0.0.2")}), 1U);
}

}  // namespace
}  // namespace kpol::netlink
