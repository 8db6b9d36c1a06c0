// SPDX-License-Identifier: Apache-2.0
#include "netlink/link.hpp"
#include "netlink/parse.hpp"
#include "netlink/request.hpp"
#include "netlink/socket.hpp"
#include "tests/netlink/bytes.hpp"
#include "tests/netlink/namespaces.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

namespace kpol::netlink {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

template <class Run>
int codeOf(const Run& run) {
  try {
    run();
  } catch (const Error& error) {
    return error.code();
  }
  return 0;
}

int bufferSize(const Socket& socket, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  EXPECT_EQ(::getsockopt(socket.fd(), SOL_SOCKET, name, &value, &size), 0);
  return value;
}

void shrinkReceiveBuffer(const Socket& socket) {
  const int least = 1;  // the kernel raises it to its minimum
  ASSERT_EQ(::setsockopt(socket.fd(), SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)), 0);
}

void changeLoopback(RouteSocket& socket, int times) {
  const auto lo = socket.findLink(ifName("lo")).value().index;
  for (int i = 0; i < times; ++i) socket.setMtu(lo, 60000U + static_cast<std::uint32_t>(i % 2));
}

TEST(Socket, EachHasItsOwnPortId) {
  const Socket first(NETLINK_ROUTE);
  const Socket second(NETLINK_ROUTE);
  EXPECT_NE(first.portId(), 0U);
  EXPECT_NE(second.portId(), 0U);
  EXPECT_NE(first.portId(), second.portId());
}

TEST(Socket, IsClosedOnExec) {
  const Socket socket(NETLINK_ROUTE);
  EXPECT_EQ(::fcntl(socket.fd(), F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
}

TEST(Socket, SequencesAreDistinctAndNeverZero) {
  Socket socket(NETLINK_ROUTE);
  const auto first = socket.nextSequence();
  EXPECT_NE(first, 0U);
  EXPECT_EQ(socket.nextSequence(), first + 1 == 0 ? 1 : first + 1);
}

TEST(Socket, AdoptedSocketKeepsItsPortId) {
  Socket original(NETLINK_ROUTE);
  auto adopted = Socket::adopt(base::UniqueFd(::dup(original.fd())));
  EXPECT_EQ(adopted.portId(), original.portId());
  auto message = encodeGetLink(ifName("lo"));
  EXPECT_EQ(request(adopted, message, Exchange::Kind::Answered), std::nullopt);
}

// The previous process was killed in the midst of a dump.
TEST_F(NodeAndPod, AdoptedSocketHasNoUnreadResponsesAndNoDump) {
  output("seq 250 | sed 's|.*|addr add 10.9.9.&/32 dev lo|' | ip -batch -");
  Socket original(NETLINK_ROUTE);
  const auto dump = [](std::uint32_t sequence) {
    return message({RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP, sequence, 0}, zeros(8));
  };
  original.send(dump(original.nextSequence()));
  auto adopted = Socket::adopt(base::UniqueFd(::dup(original.fd())));
  EXPECT_FALSE(adopted.receive(Clock::now()));
  adopted.send(dump(adopted.nextSequence()));
  const auto datagram = adopted.receive(Clock::now());
  ASSERT_TRUE(datagram);
  EXPECT_EQ(Messages(*datagram).next().value().type, RTM_NEWADDR) << "the dump is not rejected";
}

TEST(Socket, AdoptsOnlyBoundNetlinkSockets) {
  const auto unbound = [] { return ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); };
  EXPECT_EQ(codeOf([&] { Socket::adopt(base::UniqueFd(unbound())); }), EINVAL);
  const auto other = [] { return ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0); };
  EXPECT_EQ(codeOf([&] { Socket::adopt(base::UniqueFd(other())); }), EINVAL);
  const auto file = [] { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); };
  EXPECT_EQ(codeOf([&] { Socket::adopt(base::UniqueFd(file())); }), ENOTSOCK);
}

TEST(Socket, UnknownProtocolIsAnError) {
  EXPECT_EQ(codeOf([] { Socket(NETLINK_USERSOCK + 100); }), EPROTONOSUPPORT);
}

TEST(Socket, ReceiveReturnsNulloptAtTheDeadline) {
  Socket socket(NETLINK_ROUTE);
  EXPECT_EQ(socket.receive(Clock::now() - milliseconds(1)).has_value(), false);
  const auto start = Clock::now();
  EXPECT_EQ(socket.receive(start + milliseconds(20)).has_value(), false);
  EXPECT_GE(Clock::now() - start, milliseconds(20));
}

TEST(Socket, DatagramsOfOtherProcessesAreDropped) {
  Socket socket(NETLINK_ROUTE);
  const Socket other(NETLINK_ROUTE);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_pid = socket.portId();
  const auto forged = message({NLMSG_DONE, 0, 1, socket.portId()}, zeros(4));
  ASSERT_EQ(::sendto(other.fd(), forged.data(), forged.size(), 0,
                     reinterpret_cast<const sockaddr*>(&address), sizeof(address)),
            static_cast<ssize_t>(forged.size()));
  EXPECT_EQ(socket.receive(Clock::now()).has_value(), false);
}

TEST(Socket, BuffersGrowAndNeverShrink) {
  Socket socket(NETLINK_ROUTE);
  socket.growSendBuffer(8U << 20U);
  socket.growReceiveBuffer(16U << 20U);
  EXPECT_EQ(bufferSize(socket, SO_SNDBUF), 16 << 20);
  EXPECT_EQ(bufferSize(socket, SO_RCVBUF), 32 << 20);
  socket.growSendBuffer(4096);
  socket.growReceiveBuffer(4096);
  EXPECT_EQ(bufferSize(socket, SO_SNDBUF), 16 << 20);
  EXPECT_EQ(bufferSize(socket, SO_RCVBUF), 32 << 20);
}

TEST(Socket, TooLargeDatagramIsAnError) {
  Socket socket(NETLINK_ROUTE);
  const auto size = static_cast<std::size_t>(bufferSize(socket, SO_SNDBUF)) + 1;
  EXPECT_EQ(codeOf([&] { socket.send(message({RTM_GETLINK}, zeros(size))); }), EMSGSIZE);
}

TEST_F(NodeAndPod, OverrunIsReportedAndTheSocketStaysUsable) {
  Socket socket(NETLINK_ROUTE);
  shrinkReceiveBuffer(socket);
  socket.joinGroup(RTNLGRP_LINK);
  changeLoopback(socket_, 100);
  EXPECT_EQ(codeOf([&] { socket.receive(Clock::now()); }), ENOBUFS);
  while (socket.receive(Clock::now())) continue;
  changeLoopback(socket_, 1);
  EXPECT_TRUE(socket.receive(Clock::now()));
}

TEST_F(NodeAndPod, GroupsDeliverTheirNotifications) {
  Socket socket(NETLINK_ROUTE);
  changeLoopback(socket_, 1);
  EXPECT_FALSE(socket.receive(Clock::now()));
  socket.joinGroup(RTNLGRP_LINK);
  changeLoopback(socket_, 2);
  const auto datagram = socket.receive(Clock::now());
  ASSERT_TRUE(datagram);
  EXPECT_EQ(Messages(*datagram).next().value().type, RTM_NEWLINK);
  EXPECT_EQ(codeOf([&] { socket.joinGroup(100000); }), EINVAL);
}

}  // namespace
}  // namespace kpol::netlink
