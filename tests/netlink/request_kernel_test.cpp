// SPDX-License-Identifier: Apache-2.0
#include "netlink/address.hpp"
#include "netlink/link.hpp"
#include "netlink/request.hpp"
#include "tests/netlink/bytes.hpp"
#include "tests/netlink/namespaces.hpp"

#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <atomic>
#include <cerrno>
#include <functional>
#include <set>
#include <string>
#include <thread>
#include <utility>

namespace kpol::netlink {
namespace {

constexpr int kAddresses = 1500;  // many datagrams of a dump

base::IpAddress numbered(int number) {
  const auto value = static_cast<std::uint32_t>(number);
  return base::IpAddress::fromBytes(Bytes{10, static_cast<std::uint8_t>(value >> 16U & 0xFFU),
                                          static_cast<std::uint8_t>(value >> 8U & 0xFFU),
                                          static_cast<std::uint8_t>(value & 0xFFU)})
      .value();
}

class Dump : public NodeAndPod {
 protected:
  Dump() {
    lo_ = socket_.findLink(ifName("lo")).value().index;
    for (int i = 1; i <= kAddresses; ++i) EXPECT_TRUE(socket_.addAddress(address(numbered(i))));
  }

  [[nodiscard]] Address address(const base::IpAddress& ip) const { return {lo_, ip, 32, false}; }

  // Dumps addresses through `socket`; calls onFirst(n) at the first object of the nth pass.
  std::multiset<base::IpAddress> dumpAddresses(Socket& socket,
                                               const std::function<void(int)>& onFirst) {
    std::multiset<base::IpAddress> seen;
    int pass = 0;
    bool first = true;
    auto message = encodeDumpAddresses(std::nullopt);
    const auto refusal = dump(socket, message,
                              {[&] {
                                 seen.clear();
                                 ++pass;
                                 first = true;
                               },
                               [&](const MessageView& view) {
                                 if (std::exchange(first, false)) onFirst(pass);
                                 seen.insert(parseAddress(view.payload).value().address);
                               }});
    EXPECT_EQ(refusal, std::nullopt);
    return seen;
  }

  // Adds or deletes one address more, so that a running dump is of a list that changed.
  void change() {
    const auto one = address(ip("192.0.2.1"));
    if (!socket_.addAddress(one)) socket_.deleteAddress(one);
  }

  base::IfIndex lo_;
};

TEST_F(Dump, RestartsUntilNothingChangesMeanwhile) {
  Socket socket(NETLINK_ROUTE);
  int last = 0;
  const auto seen = dumpAddresses(socket, [&](int pass) {
    last = pass;
    if (pass < kDumpRestarts) change();
  });
  EXPECT_EQ(last, kDumpRestarts);
  EXPECT_EQ(seen.size(), kAddresses + 1U);  // an odd number of changes: the one more is there
  EXPECT_EQ(seen.count(ip("192.0.2.1")), 1U);
}

TEST_F(Dump, FailsOnConstantChangesAndTheSocketStaysUsable) {
  Socket socket(NETLINK_ROUTE);
  int last = 0;
  try {
    dumpAddresses(socket, [&](int pass) {
      last = pass;
      change();
    });
    FAIL() << "was complete";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), EAGAIN);
  }
  EXPECT_EQ(last, kDumpRestarts);
  EXPECT_EQ(dumpAddresses(socket, [](int) {}).size(), kAddresses + 0U);
}

TEST_F(Dump, RestartsAfterAnOverrun) {
  Socket socket(NETLINK_ROUTE);
  socket.joinGroup(RTNLGRP_LINK);
  int passes = 0;
  const auto seen = dumpAddresses(socket, [&](int pass) {
    passes = pass;
    if (pass > 0) return;
    const int least = 1;
    EXPECT_EQ(::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)), 0);
    for (std::uint32_t i = 0; i < 100; ++i) socket_.setMtu(lo_, 60000 + i % 2);
  });
  EXPECT_EQ(passes, 1);
  EXPECT_EQ(seen.size(), kAddresses + 0U);
}

TEST_F(Dump, HasNoGapsOrDuplicatesDuringConcurrentChanges) {
  std::atomic<bool> stop = false;
  std::atomic<int> changes = 0;
  std::thread churn([&] {
    const auto inNode = node_.enter();
    RouteSocket own;
    for (; !stop; ++changes) {
      own.addAddress(address(ip("192.0.2.2")));
      own.deleteAddress(address(ip("192.0.2.2")));
    }
  });
  Socket socket(NETLINK_ROUTE);
  // A whole list, or the word that there was no time for one.
  const auto expectWholeOrNone = [&] {
    try {
      auto seen = dumpAddresses(socket, [](int) {});
      seen.erase(ip("192.0.2.2"));
      EXPECT_EQ(seen.size(), kAddresses + 0U);
      EXPECT_EQ(std::set(seen.begin(), seen.end()).size(), seen.size());
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), EAGAIN);
    }
  };
  for (int i = 0; i < 10 || changes < 100; ++i) expectWholeOrNone();
  stop = true;
  churn.join();
  EXPECT_EQ(dumpAddresses(socket, [](int) {}).size(), kAddresses + 0U);
}

TEST_F(NodeAndPod, RequestsSkipNotificationsOnTheSameSocket) {
  Socket socket(NETLINK_ROUTE);
  socket.joinGroup(RTNLGRP_LINK);
  const auto lo = socket_.findLink(ifName("lo")).value().index;
  for (std::uint32_t i = 0; i < 5; ++i) socket_.setMtu(lo, 60000 + i);
  auto message = encodeSetMtu(lo, 50000);  // which also notifies
  EXPECT_EQ(request(socket, message, Exchange::Kind::Acknowledged), std::nullopt);
  EXPECT_EQ(socket_.findLink(lo).value().mtu, 50000U);
}

TEST_F(NodeAndPod, ErrorsHaveTheKernelsMessage) {
  Socket socket(NETLINK_ROUTE);
  ASSERT_TRUE(socket_.addVeth(vethInto(pod_)));
  const auto link = socket_.findLink(ifName("kpol0")).value().index;
  auto message = encodeSetMtu(link, 10);
  EXPECT_EQ(request(socket, message, Exchange::Kind::Acknowledged),
            (Refusal{EINVAL, "mtu less than device minimum"}));
}

TEST_F(NodeAndPod, RepliesToAbandonedRequestsAreSkipped) {
  Socket socket(NETLINK_ROUTE);
  auto abandoned = encodeGetLink(base::IfIndex{4242});
  abandoned.setSequence(socket.nextSequence());
  socket.send(abandoned.bytes());
  auto message = encodeGetLink(ifName("lo"));
  EXPECT_EQ(request(socket, message, Exchange::Kind::Answered), std::nullopt);
}

TEST_F(NodeAndPod, MissingReplyTimesOut) {
  Socket socket(NETLINK_ROUTE);
  Message unacknowledged(RTM_SETLINK, 0);  // the kernel replies only with an error
  ifinfomsg header{};
  header.ifi_index = socket_.findLink(ifName("lo")).value().index.value;
  unacknowledged.putHeader(header);
  const auto start = std::chrono::steady_clock::now();
  try {
    request(socket, unacknowledged, Exchange::Kind::Acknowledged);
    FAIL() << "was answered";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ETIMEDOUT);
  }
  EXPECT_GE(std::chrono::steady_clock::now() - start, kAnswerTimeout);
}

TEST_F(NodeAndPod, OverrunIsNotTakenForAReply) {
  Socket socket(NETLINK_ROUTE);
  const int least = 1;
  ASSERT_EQ(::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)), 0);
  socket.joinGroup(RTNLGRP_LINK);
  const auto lo = socket_.findLink(ifName("lo")).value().index;
  for (std::uint32_t i = 0; i < 100; ++i) socket_.setMtu(lo, 60000 + i % 2);
  auto message = encodeSetMtu(lo, 50000);
  try {
    request(socket, message, Exchange::Kind::Acknowledged);
    FAIL() << "was acknowledged";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ENOBUFS);
  }
}

}  // namespace
}  // namespace kpol::netlink
