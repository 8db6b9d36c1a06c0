// SPDX-License-Identifier: Apache-2.0
// Host ports: who reaches them, and that policies are evaluated for the real sender.
#include "netlink/route_socket.hpp"
#include "tests/support/addresses.hpp"
#include "tests/support/node.hpp"
#include "tests/support/prober.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <csignal>
#include <cstring>
#include <string>
#include <vector>

namespace kpol::test {
namespace {

using base::Family;

constexpr const char* kHostPortPods = R"(
apiVersion: v1
kind: PodList
items:
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: web, labels: {app: web}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: other, labels: {app: other}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: bound}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: first}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: second}}
)";

constexpr const char* kMappings = R"({"portMappings":[
  {"hostPort":18080,"containerPort":8080,"protocol":"tcp"},
  {"hostPort":18080,"containerPort":8080,"protocol":"SCTP"},
  {"hostPort":18053,"containerPort":53,"protocol":"udp","hostIP":""}]})";

// A socket in `netns` connected to a port. TCP: false if connecting fails or takes more than 10 s.
class Client {
 public:
  Client(const netlink::Netns& netns, int type, const base::IpAddress& to, std::uint16_t port) {
    const auto inside = netns.enter();
    fd_ = base::UniqueFd(::socket(to.isV4() ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0));
    const timeval patience{10, 0};
    ::setsockopt(fd_.value(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    ::setsockopt(fd_.value(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in6 address{};
    socklen_t length = sizeof address;
    if (to.isV4()) {
      sockaddr_in in{};
      in.sin_family = AF_INET;
      in.sin_port = htons(port);
      std::memcpy(&in.sin_addr, to.bytes().data(), 4);
      std::memcpy(&address, &in, length = sizeof in);
    } else {
      address.sin6_family = AF_INET6;
      address.sin6_port = htons(port);
      std::memcpy(&address.sin6_addr, to.bytes().data(), 16);
    }
    connected_ = ::connect(fd_.value(), reinterpret_cast<sockaddr*>(&address), length) == 0;
  }
  [[nodiscard]] bool connected() const { return connected_; }
  void send() const { ::send(fd_.value(), "hello", 5, MSG_NOSIGNAL); }
  // What arrived, a reply or an error; empty if neither.
  [[nodiscard]] std::string receive(int flags = 0) const {
    std::array<char, 64> buffer{};
    const auto got = ::recv(fd_.value(), buffer.data(), buffer.size(), flags);
    if (got >= 0) return {buffer.data(), static_cast<std::size_t>(got)};
    return errno == EAGAIN ? "" : std::strerror(errno);
  }

 private:
  base::UniqueFd fd_;
  bool connected_ = false;
};

// A UDP server that replies with its name.
class Answering {
 public:
  Answering(const netlink::Netns& netns, std::uint16_t port, std::string name)
      : name_(std::move(name)) {
    const auto inside = netns.enter();
    fd_ = base::UniqueFd(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    any.sin6_port = htons(port);
    EXPECT_EQ(::bind(fd_.value(), reinterpret_cast<sockaddr*>(&any), sizeof any), 0);
    const timeval patience{10, 0};
    ::setsockopt(fd_.value(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  // Whether a datagram is there within 100 ms.
  [[nodiscard]] bool hasOne() const {
    pollfd waited{fd_.value(), POLLIN, 0};
    return ::poll(&waited, 1, 100) == 1;
  }
  // Receives one datagram and replies; false if none arrives in 10 s.
  [[nodiscard]] bool answerOne() const {
    sockaddr_in6 from{};
    socklen_t length = sizeof from;
    char byte = 0;
    if (::recvfrom(fd_.value(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&from), &length) < 0)
      return false;
    return ::sendto(fd_.value(), name_.data(), name_.size(), 0, reinterpret_cast<sockaddr*>(&from),
                    length) > 0;
  }

 private:
  std::string name_;
  base::UniqueFd fd_;
};

class HostPorts : public ::testing::Test {
 protected:
  void SetUp() override {
    node_.apply("pods.yaml", kHostPortPods);
    node_.startKpold();
    prober_.addHost("web", node_.add({"shop", "web"}, kMappings).netns->open());
    prober_.addHost("other", node_.add({"shop", "other"}).netns->open());
    prober_.addHost("outside", node_.outside().open());
    prober_.addHost("node", netlink::Netns::current());
  }

  base::IpAddress ipOf(const std::string& host, Family family) {
    if (host == "outside") return Node::outsideIp(family);
    if (host == "node") return Node::nodeIp(family);
    return node_.find({"shop", host})->ip(family);
  }
  [[nodiscard]] netlink::Netns netnsOf(const std::string& host) {
    return host == "outside" ? node_.outside().open() : node_.find({"shop", host})->netns->open();
  }
  // TCP and UDP, IPv4 and IPv6, from `host` to the mapped ports of the node.
  std::vector<Reach> tryPorts(const std::string& from, bool expected) {
    std::vector<Attempt> attempts;
    for (const auto family : {Family::V4, Family::V6}) {
      const auto from_ = ipOf(from, family);
      attempts.push_back({from, {from_, Node::nodeIp(family), 6, 18080}});
      attempts.push_back({from, {from_, Node::nodeIp(family), 17, 18053}});
    }
    return prober_.run(attempts, std::vector<bool>(attempts.size(), expected));
  }
  void expectOpen(const std::string& from) {
    EXPECT_EQ(tryPorts(from, true), std::vector<Reach>(4, Reach::Both)) << from;
  }
  void expectClosed(const std::string& from) {
    EXPECT_EQ(tryPorts(from, false), std::vector<Reach>(4, Reach::None)) << from;
  }

  static NodeOptions withHealth() {
    NodeOptions options;
    options.metricsListen = "127.0.0.1:19464";
    return options;
  }

  Node node_{withHealth()};
  Prober prober_;
};

TEST_F(HostPorts, AreReachedFromOutsideFromTheNodeFromPodsAndFromThePodItself) {
  for (const char* from : {"outside", "node", "other", "web"}) expectOpen(from);
}

TEST_F(HostPorts, PoliciesApplyToTheRealClient) {
  node_.apply("policy.yaml", R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: guard}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{ipBlock: {cidr: 192.0.2.2/32}}, {ipBlock: {cidr: "2001:db8:2::2/128"}}]
)");
  node_.sync();
  expectOpen("outside");
  expectClosed("other");
  const auto explained = [&](const std::string& from, const std::string& port) {
    return node_.kpolctl({"explain", from, "192.0.2.1", port});
  };
  EXPECT_EQ(explained("192.0.2.2", "18080").status, 0);
  EXPECT_EQ(explained("shop/other", "18080").status, 3);
  EXPECT_NE(explained("shop/other", "18053/udp").out.find("leads to 10.244.1.1 port 53"),
            std::string::npos);
  EXPECT_EQ(explained("shop/other", "18081").status, 0);  // the node itself
  expectOpen("node");                                     // the node is always let in
  expectOpen("web");                                      // and so is the pod itself
  node_.apply("policy.yaml", R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: guard}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{podSelector: {matchLabels: {app: other}}}]
)");
  node_.sync();
  expectClosed("outside");
  expectOpen("other");
}

TEST_F(HostPorts, SurviveAFlushAndAreRemovedWithThePod) {
  run({"nft", "flush", "ruleset"});
  expectOpen("outside");
  node_.del({"shop", "web"});
  const auto text = run({"nft", "list", "table", "inet", "kpol"}).out;
  EXPECT_EQ(text.find("type nat"), std::string::npos);
}

TEST_F(HostPorts, UsedHostPortIsRejected) {
  const auto linksBefore = netlink::RouteSocket().links().size();
  const auto late = node_.makePod({"shop", "other"});
  const auto result = Node::plugin("ADD", late, node_.networkConfig({}, {}, kMappings).c_str());
  EXPECT_NE(result.status, 0);
  const auto error = nlohmann::json::parse(result.out);
  EXPECT_NE(error.at("msg").get<std::string>().find("host port TCP 18080"), std::string::npos)
      << result.out;
  EXPECT_EQ(error.at("code").get<int>(), 105);
  EXPECT_NE(error.at("details").get<std::string>().find("kpolctl show pods"), std::string::npos);
  EXPECT_EQ(netlink::RouteSocket().links().size(), linksBefore);
}

TEST_F(HostPorts, AreReachedByTcpAndSctp) {
  for (const auto family : {Family::V4, Family::V6}) {
    const auto node = Node::nodeIp(family);
    // An established connection is more than Prober checks, which also counts a refused connection.
    for (const char* from : {"outside", "other", "web"})
      EXPECT_TRUE(Client(netnsOf(from), SOCK_STREAM, node, 18080).connected()) << from;
    EXPECT_TRUE(Client(netlink::Netns::current(), SOCK_STREAM, node, 18080).connected());
    EXPECT_EQ(
        prober_.run({{"outside", {Node::outsideIp(family), node, IPPROTO_SCTP, 18080}}}, {true}),
        std::vector{Reach::OneWay});
  }
}

TEST_F(HostPorts, AreReachedByTheNodeAtItsLoopbackAddress) {
  EXPECT_TRUE(Client(netlink::Netns::current(), SOCK_STREAM, ip("127.0.0.1"), 18080).connected());
  EXPECT_EQ(prober_.run({{"node", {ip("127.0.0.1"), ip("127.0.0.1"), IPPROTO_UDP, 18053}}}, {true}),
            std::vector{Reach::Both});
  // No pod can reply to ::1; the client gets an error at once.
  const Client client(netlink::Netns::current(), SOCK_DGRAM, ip("::1"), 18053);
  client.send();
  EXPECT_EQ(client.receive(), "Connection refused");
}

// Load balancers add the addresses of services to the loopback device; kube-proxy in IPVS mode and
// node-local DNS use a dummy device, which not every kernel has. The node's own resolver listens on
// 127.0.0.53.
TEST_F(HostPorts, DoNotTakeWhatIsForServicesAndTheNodesResolver) {
  prober_.removeHost("node");
  for (const char* address : {"10.96.0.10/32", "198.51.100.10/32", "2001:db8:96::10/128"})
    ASSERT_EQ(run({"ip", "address", "add", address, "dev", "lo"}).status, 0) << address;
  const auto node = netlink::Netns::current();
  const Answering resolver(node, 18053, "node");
  node_.sync();
  const auto expectArrival = [&](const netlink::Netns& from, const char* address) {
    // kpold learns of the new addresses soon.
    for (int attempt = 0; attempt < 50 && !resolver.hasOne(); ++attempt)
      Client(from, SOCK_DGRAM, ip(address), 18053).send();
    EXPECT_TRUE(resolver.hasOne()) << address << " led to the pod";
    while (resolver.hasOne()) EXPECT_TRUE(resolver.answerOne());
  };
  for (const char* address : {"10.96.0.10", "2001:db8:96::10", "198.51.100.10", "127.0.0.53"})
    expectArrival(node, address);
  for (const std::string& route : {std::string("10.96.0.10/32 via 192.0.2.1"),
                                   std::string("2001:db8:96::10/128 via 2001:db8:2::1")})
    ASSERT_EQ(
        run({"nsenter", "--net=" + node_.outside().path(), "sh", "-c", "ip route add " + route})
            .status,
        0);
  for (const char* address : {"10.96.0.10", "2001:db8:96::10"})
    expectArrival(netnsOf("outside"), address);
  const auto explained = node_.kpolctl({"explain", "192.0.2.2", "10.96.0.10", "18053/udp"}).out;
  EXPECT_EQ(explained.find("leads to"), std::string::npos) << explained;
  for (const char* address : {"10.96.0.10/32", "198.51.100.10/32", "2001:db8:96::10/128"})
    run({"ip", "address", "delete", address, "dev", "lo"});
}

TEST_F(HostPorts, PortsOfKpoldAreRejected) {
  node_.stopKpold(SIGTERM);
  node_.startKpold({"--routing", "auto"});
  const auto late = node_.makePod({"shop", "other"});
  const auto errorOf = [&](const std::string& mapping) {
    const auto mappings = R"({"portMappings":[)" + mapping + "]}";
    const auto result =
        Node::plugin("ADD", late, node_.networkConfig({}, {}, mappings.c_str()).c_str());
    EXPECT_NE(result.status, 0) << mapping;
    return nlohmann::json::parse(result.out);
  };
  const auto vxlan = errorOf(R"({"hostPort":8472,"containerPort":80,"protocol":"udp"})");
  EXPECT_EQ(vxlan.at("code"), 105);
  EXPECT_NE(
      vxlan.at("msg").get<std::string>().find("is reserved for kpold's VXLAN device (vxlanPort)"),
      std::string::npos)
      << vxlan;
  const auto health = errorOf(R"({"hostPort":19464,"containerPort":80,"protocol":"tcp"})");
  EXPECT_EQ(health.at("code"), 105);
  EXPECT_NE(health.at("msg").get<std::string>().find("kpold's metrics and health"),
            std::string::npos)
      << health;
  const auto loopback =
      errorOf(R"({"hostPort":53,"containerPort":53,"protocol":"udp","hostIP":"127.0.0.53"})");
  EXPECT_EQ(loopback.at("code"), 7);
  EXPECT_NE(loopback.at("msg").get<std::string>().find("runtimeConfig.portMappings"),
            std::string::npos)
      << loopback;
}

TEST_F(HostPorts, AreOnlyForTheirAddress) {
  auto& bound = node_.add({"shop", "bound"}, R"({"portMappings":[
      {"hostPort":1,"containerPort":53,"protocol":"udp","hostIP":"192.0.2.1"},
      {"hostPort":2,"containerPort":53,"protocol":"udp","hostIP":"127.0.0.1"},
      {"hostPort":3,"containerPort":53,"protocol":"udp","hostIP":"0.0.0.0"},
      {"hostPort":4,"containerPort":53,"protocol":"udp","hostIP":"::"},
      {"hostPort":5,"containerPort":53,"protocol":"udp","hostIP":"2001:db8:2::1"}]})");
  prober_.addHost("bound", bound.netns->open());
  prober_.removeHost("node");
  prober_.addSender("node", netlink::Netns::current());
  struct Case {
    const char* from;
    const char* source;
    const char* to;
    const char* openPorts;
  };
  for (const auto& one :
       {Case{"outside", "192.0.2.2", "192.0.2.1", "13"},
        Case{"outside", "2001:db8:2::2", "2001:db8:2::1", "45"},
        Case{"node", "127.0.0.1", "127.0.0.1", "23"}, Case{"node", "192.0.2.1", "192.0.2.1", "13"},
        Case{"node", "2001:db8:2::1", "2001:db8:2::1", "45"}, Case{"node", "::1", "::1", ""}}) {
    std::vector<Attempt> attempts;
    std::vector<bool> expected;
    std::string open;
    for (std::uint16_t port = 1; port <= 5; ++port) {
      attempts.push_back({one.from, {ip(one.source), ip(one.to), IPPROTO_UDP, port}});
      expected.push_back(std::strchr(one.openPorts, '0' + port) != nullptr);
    }
    const auto reach = prober_.run(attempts, expected);
    for (std::size_t i = 0; i < reach.size(); ++i)
      if (reach[i] == Reach::Both) open += std::to_string(i + 1);
    EXPECT_EQ(open, one.openPorts) << one.from << " to " << one.to;
  }
}

// Makes `netns` send packets for a loopback address to `gateway`.
void sendLoopbackOut(const TestNetns& netns, const std::string& gateway) {
  for (const std::string& command :
       {std::string("ip address delete 127.0.0.1/8 dev lo"),
        "ip route add 127.0.0.0/8 via " + gateway + " dev eth0 onlink",
        std::string("echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet")}) {
    const auto result = run({"nsenter", "--net=" + netns.path(), "sh", "-c", command});
    ASSERT_EQ(result.status, 0) << command << ": " << result.err;
  }
}

// The host end of a pod with host ports lets loopback addresses through.
TEST_F(HostPorts, DoNotOpenTheNodesLoopbackToPodsAndNeighbours) {
  const auto& web = *node_.find({"shop", "web"});
  sendLoopbackOut(*web.netns, "169.254.1.1");
  sendLoopbackOut(node_.outside(), "192.0.2.1");
  // That what pods send gets as far as to the guard.
  run({"nft",
       "add table ip seen { chain input { type filter hook input priority -20; "
       "iifname \"kpol*\" ip daddr 127.0.0.1 udp dport { 53, 18053 } counter; }; }"});
  // The node listens on 53; 18053 is forwarded to the pod for clients of the node.
  std::vector<Attempt> attempts;
  for (const char* from : {"web", "outside"})
    for (const std::uint16_t port : {std::uint16_t{53}, std::uint16_t{18053}})
      attempts.push_back({from, {ipOf(from, Family::V4), ip("127.0.0.1"), IPPROTO_UDP, port}});
  EXPECT_EQ(prober_.run(attempts, std::vector(4, false)), std::vector(4, Reach::None));
  const auto seen = run({"nft", "list", "table", "ip", "seen"}).out;
  EXPECT_NE(seen.find("packets 2 "), std::string::npos) << seen;
  run({"nft", "delete", "table", "ip", "seen"});
}

TEST_F(HostPorts, UdpReachesTheNewPodFromTheFirstDatagram) {
  for (const auto family : {Family::V4, Family::V6}) {
    const Client client(netnsOf("outside"), SOCK_DGRAM, Node::nodeIp(family), 5000);
    client.send();  // no pod is there: the node refuses it, and has a conntrack entry
    EXPECT_EQ(client.receive(), "Connection refused");
    const char* mapping =
        R"({"portMappings":[{"hostPort":5000,"containerPort":5001,"protocol":"udp"}]})";
    for (const std::string name : {"first", "second"}) {
      const auto netns = node_.add({"shop", name}, mapping).netns->open();
      const Answering server(netns, 5001, name);
      client.send();
      EXPECT_TRUE(server.answerOne());
      EXPECT_EQ(client.receive(), name);
      node_.del({"shop", name});
    }
  }
}

// kube-proxy translates at `dstnat`, after kpol; packets to other ports reach it unchanged.
TEST_F(HostPorts, WorkBesideKubeProxy) {
  const auto other = toString(ipOf("other", Family::V4));
  const auto web = toString(ipOf("web", Family::V4));
  ASSERT_EQ(run({"nft",
                 "add table ip proxy { chain services { "
                 "type nat hook prerouting priority dstnat; "
                 "fib daddr type local udp dport 18053 dnat to " +
                     other +
                     ":53; "
                     "fib daddr type local udp dport 30053 dnat to " +
                     web + ":53; }; }"})
                .status,
            0);
  node_.apply("policy.yaml", R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: nobody}
spec:
  podSelector: {matchLabels: {app: other}}
)");
  node_.sync();
  const auto from = Node::outsideIp(Family::V4);
  const auto to = Node::nodeIp(Family::V4);
  EXPECT_EQ(prober_.run({{"outside", {from, to, IPPROTO_UDP, 18053}},
                         {"outside", {from, to, IPPROTO_UDP, 30053}}},
                        {true, true}),
            (std::vector{Reach::Both, Reach::Both}));
  run({"nft", "delete", "table", "ip", "proxy"});
}

TEST_F(HostPorts, StayWithoutKpoldAndAfterItsRestart) {
  node_.stopKpold(SIGKILL);
  expectOpen("outside");
  node_.startKpold();
  node_.sync();
  expectOpen("outside");
  const auto late = node_.makePod({"shop", "first"});
  const auto result = Node::plugin("ADD", late, node_.networkConfig({}, {}, kMappings).c_str());
  EXPECT_EQ(nlohmann::json::parse(result.out).at("code").get<int>(), 105) << result.out;
}

TEST_F(HostPorts, AreShown) {
  EXPECT_NE(node_.kpolctl({"show", "pods"})
                .out.find("TCP 18080 to 8080, UDP 18053 to 53, SCTP 18080 to 8080"),
            std::string::npos)
      << node_.kpolctl({"show", "pods"}).out;
  EXPECT_NE(node_.kpolctl({"show", "pod", "shop/web"}).out.find("Host ports   TCP 18080 to 8080\n"),
            std::string::npos);
}

}  // namespace
}  // namespace kpol::test
