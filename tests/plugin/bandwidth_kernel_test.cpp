// SPDX-License-Identifier: Apache-2.0
// Pods with a bandwidth, and the bytes that pass.
#include "base/unique_fd.hpp"
#include "plugin/plan.hpp"
#include "tests/plugin/plugin_node.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>

namespace kpol::test {
namespace {

using conf::CniCode;
using Clock = std::chrono::steady_clock;
using std::chrono::duration;

// A megabyte a second, and a tenth of one at once.
constexpr double kRate = 1e6;
constexpr std::size_t kBurst = 100'000;
constexpr std::size_t kBytes = 1'000'000;
const std::string kIngress = R"("ingressRate":8000000,"ingressBurst":800000)";
const std::string kEgress = R"("egressRate":8000000,"egressBurst":800000)";

std::string runtimeConfig(const std::string& limits) {
  return R"(,"runtimeConfig":{"bandwidth":{)" + limits + "}}";
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress socketAddress(const base::IpAddress& ip, std::uint16_t port) {
  SocketAddress address;
  if (ip.isV4()) {
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    std::memcpy(&in.sin_addr, ip.bytes().data(), 4);
    std::memcpy(&address.storage, &in, address.length = sizeof in);
  } else {
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(port);
    std::memcpy(&in.sin6_addr, ip.bytes().data(), 16);
    std::memcpy(&address.storage, &in, address.length = sizeof in);
  }
  return address;
}

base::UniqueFd tcpSocket(const base::IpAddress& ip) {
  return base::UniqueFd(
      ::socket(ip.isV4() ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

class Bandwidth : public PluginNode {
 protected:
  void SetUp() override {
    // Where pods reach the node.
    netlink::RouteSocket node;
    for (const char* address : {"198.51.100.1", "2001:db8::1"}) {
      const auto ip = base::IpAddress::parse(address).value();
      node.addAddress({{1}, ip, static_cast<std::uint8_t>(ip.bits()), true});
    }
  }
  void TearDown() override {
    netlink::RouteSocket node;
    for (const char* address : {"198.51.100.1", "2001:db8::1"}) {
      const auto ip = base::IpAddress::parse(address).value();
      node.deleteAddress({{1}, ip, static_cast<std::uint8_t>(ip.bits()), true});
    }
  }

  // The time that kBytes take over a connection from the node to the pod; at most 60 s.
  double secondsFor(const std::string& id, const base::IpAddress& ip, bool toPod) {
    base::UniqueFd listener;
    {
      const auto pod = podNamespace(id).open();
      const auto inside = pod.enter();
      listener = tcpSocket(ip);
      auto any = socketAddress(ip, 5001);
      const int yes = 1;
      ::setsockopt(listener.value(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
      if (::bind(listener.value(), any.get(), any.length) != 0 ||
          ::listen(listener.value(), 1) != 0)
        throw std::runtime_error(std::strerror(errno));
    }
    const auto client = tcpSocket(ip);
    auto address = socketAddress(ip, 5001);
    ::connect(client.value(), address.get(), address.length);
    EXPECT_TRUE(ready(listener.value(), POLLIN));
    const base::UniqueFd server(
        ::accept4(listener.value(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    EXPECT_TRUE(ready(client.value(), POLLOUT));
    return transfer(toPod ? client.value() : server.value(),
                    toPod ? server.value() : client.value());
  }

  static bool ready(int fd, short events) {
    pollfd state{fd, events, 0};
    return ::poll(&state, 1, 60'000) == 1;
  }

  static double transfer(int from, int to) {
    std::array<char, 65536> buffer{};
    std::size_t sent = 0;
    std::size_t received = 0;
    const auto start = Clock::now();
    while (received < kBytes && Clock::now() < start + std::chrono::seconds(60)) {
      if (sent < kBytes) {
        const auto count =
            ::send(from, buffer.data(), std::min(buffer.size(), kBytes - sent), MSG_NOSIGNAL);
        if (count > 0) sent += static_cast<std::size_t>(count);
      }
      pollfd state{to, POLLIN, 0};
      ::poll(&state, 1, 5);
      const auto count = ::recv(to, buffer.data(), buffer.size(), 0);
      if (count > 0) received += static_cast<std::size_t>(count);
    }
    EXPECT_EQ(received, kBytes);
    return duration<double>(Clock::now() - start).count();
  }

  // Less time than this means that the limit was not applied. There is no upper bound, because the
  // machine may be busy; secondsFor checks that everything arrived.
  static constexpr double kLeast = (kBytes - kBurst) / kRate;

  static base::IfName ifb(const std::string& id) { return plugin::ifbOf({id, "eth0"}); }
};

TEST_F(Bandwidth, LimitsIngress) {
  const auto limited = config(Families::Dual, runtimeConfig(kIngress));
  for (const auto& ip : add("a", limited).ips)
    EXPECT_GT(secondsFor("a", ip.address, true), kLeast) << toString(ip.address);
  del("a", limited);
}

TEST_F(Bandwidth, LimitsEgressWhateverThePodDoesToItsInterface) {
  const auto limited = config(Families::Dual, runtimeConfig(kEgress));
  const auto ips = add("a", limited).ips;
  const auto result = run({"nsenter", "--net=" + podNamespace("a").path(), "tc", "qdisc", "replace",
                           "dev", "eth0", "root", "pfifo"});
  EXPECT_EQ(result.status, 0) << result.err;
  for (const auto& ip : ips)
    EXPECT_GT(secondsFor("a", ip.address, false), kLeast) << toString(ip.address);
  del("a", limited);
}

TEST_F(Bandwidth, LimitsEachDirectionByItself) {
  const auto limited = config(Families::V4, runtimeConfig(kIngress));
  add("a", limited);
  netlink::RouteSocket node;
  const auto host = node.findLink(plugin::hostInterfaceOf({"a", "eth0"})).value();
  EXPECT_TRUE(node.shaping(host.index));
  EXPECT_FALSE(node.ingressRedirect(host.index));
  EXPECT_FALSE(node.findLink(ifb("a")));
  del("a", limited);
}

TEST_F(Bandwidth, ExtremeBurstsPassEveryPacket) {
  // Runtimes add the largest burst of 32 bits to a rate without one; a burst of one bit must work
  // too.
  for (const char* burst : {"4294967295", "1"}) {
    const auto limited = config(
        Families::V6, runtimeConfig(std::string(R"("ingressRate":400000000,"ingressBurst":)") +
                                    burst + R"(,"egressRate":400000000,"egressBurst":)" + burst));
    const auto ips = add("a", limited).ips;
    for (const bool toPod : {true, false}) secondsFor("a", ips.front().address, toPod);
    del("a", limited);
  }
}

TEST_F(Bandwidth, IsVerifiedByCheck) {
  const auto limited = config(Families::V4, runtimeConfig(kIngress + "," + kEgress));
  const auto host = plugin::hostInterfaceOf({"a", "eth0"}).text();
  const std::string ingress = "on the node: the pod's ingress limit is missing or different";
  const std::string egress = "on the node: the pod's egress limit is missing or different";
  using Command = std::vector<std::string>;
  for (const auto& [command, fault] :
       {std::pair(Command{"tc", "qdisc", "del", "dev", host, "root"}, ingress),
        std::pair(Command{"tc", "qdisc", "replace", "dev", host, "root", "tbf", "rate", "9mbit",
                          "burst", "100kb", "limit", "125000"},
                  ingress),
        std::pair(Command{"tc", "qdisc", "del", "dev", host, "ingress"}, egress),
        std::pair(Command{"tc", "qdisc", "del", "dev", ifb("a").text(), "root"}, egress),
        std::pair(Command{"ip", "link", "set", ifb("a").text(), "down"}, egress),
        std::pair(Command{"ip", "link", "del", ifb("a").text()}, egress)}) {
    const auto added = call("ADD", "a", limited);
    ASSERT_EQ(added.status, 0) << added.out;
    const auto checked = withPrevious(limited, added.out);
    EXPECT_EQ(call("CHECK", "a", checked).out, "");
    EXPECT_EQ(run(command).status, 0) << command.back();
    const auto error = errorOf("CHECK", "a", checked);
    EXPECT_EQ(error.code, static_cast<unsigned>(CniCode::CheckFailed));
    EXPECT_EQ(error.msg, fault);
    del("a", limited);
    expectNothingLeft();
  }
}

TEST_F(Bandwidth, IsDeletedWithThePod) {
  const auto limited = config(Families::Dual, runtimeConfig(kIngress + "," + kEgress));
  add("a", limited);
  EXPECT_TRUE(netlink::RouteSocket().findLink(ifb("a")));
  del("a", limited);
  expectNothingLeft();

  // The namespace is gone first, and the pair with it.
  add("b", limited);
  netlink::RouteSocket().deleteLink(plugin::hostInterfaceOf({"b", "eth0"}));
  del("b", limited);
  expectNothingLeft();

  add("c", limited);
  netlink::RouteSocket().deleteLink(plugin::hostInterfaceOf({"c", "eth0"}));
  EXPECT_EQ(
      call("GC", "c", config(Families::Dual, R"(,"cni.dev/valid-attachments":[])", "1.1.0")).status,
      0);
  expectNothingLeft();

  // kpold is away.
  const auto enforced = enforcedConfig(directory_.file("no.sock"));
  errorOf("ADD", "d", enforced.substr(0, enforced.size() - 1) + runtimeConfig(kEgress) + "}");
  expectNothingLeft();
}

TEST_F(Bandwidth, ReplacesLeftoversOfAKilledAdd) {
  const auto limited = config(Families::V4, runtimeConfig(kEgress));
  EXPECT_TRUE(netlink::RouteSocket().addIfb(ifb("a"), ""));
  add("a", limited);
  EXPECT_NE(netlink::RouteSocket().findLink(ifb("a")).value().alias, "");
  del("a", limited);
  expectNothingLeft();
  EXPECT_TRUE(netlink::RouteSocket().addIfb(ifb("a"), ""));
  del("a", limited);
  expectNothingLeft();
}

TEST_F(Bandwidth, KeepsThirdPartyLinks) {
  const auto limited = config(Families::V4, runtimeConfig(kEgress));
  ASSERT_EQ(run({"ip", "link", "add", ifb("a").text(), "type", "bridge"}).status, 0);
  const auto error = errorOf("ADD", "a", limited);
  EXPECT_EQ(error.code, static_cast<unsigned>(CniCode::AlreadyAttached));
  EXPECT_THAT(error.msg, testing::HasSubstr(ifb("a").text()));
  del("a", limited);
  EXPECT_TRUE(netlink::RouteSocket().deleteLink(ifb("a")));
  expectNothingLeft();
}

}  // namespace
}  // namespace kpol::test
