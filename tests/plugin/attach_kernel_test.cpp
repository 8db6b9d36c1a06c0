// SPDX-License-Identifier: Apache-2.0
// ADD as the kernel and the pods see it.
#include "base/unique_fd.hpp"
#include "plugin/plan.hpp"
#include "tests/control/unix_server.hpp"
#include "tests/plugin/plugin_node.hpp"
#include "tests/support/addresses.hpp"
#include "tests/support/prober.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <fstream>

namespace kpol::test {
namespace {

using conf::CniCode;

class Add : public PluginNode {
 protected:
  // Every protocol to which the kernel or a listener replies, from each pod to the other and to the
  // node.
  void expectTraffic(const std::string& from, const std::string& to) {
    Prober prober;
    for (const auto& id : {from, to}) prober.addHost(id, podNamespace(id).open());
    std::vector<Attempt> attempts;
    for (const auto& [source, destination, host] :
         {std::tuple(from, to, from), std::tuple(to, from, to)})
      for (const auto& a : ips_.at(source))
        for (const auto& b : ips_.at(destination)) {
          if (a.family() != b.family()) continue;
          const std::uint8_t icmp = a.isV4() ? 1 : 58;
          attempts.push_back({host, {a, b, 6, 80}});
          attempts.push_back({host, {a, b, 17, 53}});
          attempts.push_back({host, {a, b, icmp, 0}});
        }
    const auto reached = prober.run(attempts, std::vector<bool>(attempts.size(), true));
    EXPECT_EQ(reached, std::vector<Reach>(attempts.size(), Reach::Both));
    for (const auto& id : {from, to}) prober.removeHost(id);
  }

  void addPod(const std::string& id, const std::string& config) {
    for (const auto& address : add(id, config).ips) ips_[id].push_back(address.address);
  }

  std::map<std::string, std::vector<base::IpAddress>> ips_;
};

TEST_F(Add, ConnectsPodsOfEachFamily) {
  for (const auto families : {Families::V4, Families::V6, Families::Dual}) {
    const auto pods = config(families);
    addPod("a", pods);
    addPod("b", pods);
    EXPECT_EQ(ips_["a"].size(), families == Families::Dual ? 2U : 1U);
    expectTraffic("a", "b");
    del("a", pods);
    del("b", pods);
    expectNothingLeft();
    ips_.clear();
    removePodNamespace("a");
    removePodNamespace("b");
  }
}

TEST_F(Add, EnablesForwardingAndKeepsRouterAdvertisements) {
  const auto valueOf = [](const std::string& sysctl) {
    std::ifstream file("/proc/sys/net/" + sysctl);
    std::string value;
    file >> value;
    return value;
  };
  run({"ip", "link", "add", "uplink", "type", "bridge"});
  for (const char* which : {"uplink", "default"})
    writeFile(std::string("/proc/sys/net/ipv6/conf/") + which + "/accept_ra", "1");
  EXPECT_EQ(valueOf("ipv4/ip_forward"), "0");
  addPod("a", config(Families::Dual));
  EXPECT_EQ(valueOf("ipv4/ip_forward"), "1");
  EXPECT_EQ(valueOf("ipv6/conf/all/forwarding"), "1");
  EXPECT_EQ(valueOf("ipv6/conf/uplink/accept_ra"), "2");
  EXPECT_EQ(valueOf("ipv6/conf/default/accept_ra"), "1") << "later links take no advertisements";
  EXPECT_EQ(valueOf("ipv6/conf/" + hostEnd("a").text() + "/accept_ra"), "0");
  del("a", config(Families::Dual));
  run({"ip", "link", "delete", "uplink"});
  EXPECT_EQ(valueOf("ipv4/ip_forward"), "1");
}

TEST_F(Add, ConnectsPodsIfIpv6IsDisabledByDefault) {
  const char* path = "/proc/sys/net/ipv6/conf/default/disable_ipv6";
  const auto off = [&](const char* value) {
    writeFile(path, value);
    for (const char* id : {"a", "b"}) {
      const auto pod = podNamespace(id).open();
      const auto inside = pod.enter();
      writeFile(path, value);
    }
  };
  off("1");
  addPod("a", config(Families::Dual));
  addPod("b", config(Families::Dual));
  off("0");
  expectTraffic("a", "b");
  del("a", config(Families::Dual));
  del("b", config(Families::Dual));
}

TEST_F(Add, ResultDescribesTheInterfaces) {
  const auto result =
      add("a", config(Families::Dual, R"(,"mtu":1450,"dns":{"domain":"d"})", "1.1.0"));
  const auto host = netlink::RouteSocket().findLink(hostEnd("a"));
  const auto pod = podNamespace("a").routeSocket().findLink(interface("eth0"));
  ASSERT_TRUE(host && pod);
  const conf::CniResult expected{{{hostEnd("a").text(), toString(*host->mac), 1450, ""},
                                  {"eth0", toString(*pod->mac), 1450, podNamespace("a").path()}},
                                 {{ip("10.244.1.1"), 32, ip("169.254.1.1"), 1},
                                  {ip("fd00:10:244:1::1"), 128, ip("fe80::1"), 1}},
                                 {{base::Prefix::parse("0.0.0.0/0").value(), ip("169.254.1.1")},
                                  {base::Prefix::parse("::/0").value(), ip("fe80::1")}},
                                 {{}, "d", {}, {}}};
  EXPECT_EQ(result, expected);
  EXPECT_EQ(host->mtu, 1450U);
  EXPECT_EQ(pod->mtu, 1450U);
  EXPECT_EQ(host->alias, "a eth0 pods shop/a");
  EXPECT_EQ(pod->peer, host->index);
  del("a", config(Families::Dual));
}

TEST_F(Add, RespondsInEveryVersion) {
  for (const auto version : conf::kCniVersions) {
    const std::string text(toString(version));
    const auto versioned = config(Families::V4, "", text);
    const auto result = call("ADD", "a", versioned);
    EXPECT_EQ(result.status, 0) << result.out;
    EXPECT_EQ(result.out, print(conf::parseResult(result.out, "result"), version) + "\n");
    EXPECT_THAT(result.out, testing::StartsWith(R"({"cniVersion":")" + text + "\""));
    del("a", versioned);
  }
}

TEST_F(Add, UsesTheKernelsMtuByDefault) {
  EXPECT_EQ(add("a", config(Families::V4, "", "1.1.0")).interfaces.front().mtu, 1500U);
  del("a", config(Families::V4));
}

TEST_F(Add, ConfiguresNoIpv6ForAnIpv4Pod) {
  add("a", config(Families::V4));
  auto pod = podNamespace("a").routeSocket();
  const auto link = pod.findLink(interface("eth0"));
  ASSERT_TRUE(link);
  for (const auto& address : pod.addresses(link->index))
    EXPECT_TRUE(address.address.isV4()) << toString(address.address);
  netlink::RouteSocket node;
  EXPECT_TRUE(node.addresses(node.findLink(hostEnd("a"))->index).empty());
  del("a", config(Families::V4));
}

TEST_F(Add, SecondAddFailsAndKeepsTheFirst) {
  const auto dual = config(Families::Dual);
  const auto first = call("ADD", "a", dual);
  ASSERT_EQ(first.status, 0) << first.out;
  EXPECT_EQ(errorOf("ADD", "a", dual).code, number(CniCode::AlreadyAttached));
  const auto checked = call("CHECK", "a", withPrevious(dual, first.out));
  EXPECT_EQ(checked.status, 0) << checked.out;
  del("a", dual);
}

// Failures at each stage, by real errors of the kernel; nothing of any may be left.
TEST_F(Add, UndoesEverythingIfThePodHasTheInterface) {
  ASSERT_TRUE(podNamespace("a").routeSocket().addVeth({interface("eth0"),
                                                       {{2, 0, 0, 0, 0, 1}},
                                                       interface("eth0peer"),
                                                       {{2, 0, 0, 0, 0, 2}},
                                                       0,
                                                       -1,
                                                       ""}));
  const auto error = errorOf("ADD", "a", config(Families::Dual));
  EXPECT_EQ(error.code, number(CniCode::AlreadyAttached));
  EXPECT_EQ(error.msg,
            "interface eth0 in the pod or " + hostEnd("a").text() + " on the node already exists");
  EXPECT_TRUE(podNamespace("a").routeSocket().findLink(interface("eth0")));
}

TEST_F(Add, UndoesEverythingIfTheHostInterfaceExists) {
  netlink::RouteSocket node;
  ASSERT_TRUE(node.addVeth({hostEnd("a"),
                            {{2, 0, 0, 0, 0, 1}},
                            interface("other"),
                            {{2, 0, 0, 0, 0, 2}},
                            0,
                            -1,
                            "third-party"}));
  EXPECT_EQ(errorOf("ADD", "a", config(Families::Dual)).code, number(CniCode::AlreadyAttached));
  del("a", config(Families::Dual));
  const auto foreign = node.findLink(hostEnd("a"));
  ASSERT_TRUE(foreign);
  EXPECT_EQ(foreign->alias, "third-party");
  node.deleteLink(foreign->index);
}

TEST_F(Add, UndoesEverythingIfAnAddressIsRejected) {
  // No IPv6 below an MTU of 1280 (RFC 8200, section 5).
  const auto error = errorOf("ADD", "a", config(Families::Dual, R"(,"mtu":1000)"));
  EXPECT_THAT(error.msg, testing::HasSubstr("eth0"));
  expectNothingLeft();
}

TEST_F(Add, UndoesEverythingWhenARouteExists) {
  netlink::RouteSocket node;
  const auto lo = node.findLink(interface("lo"))->index;
  netlink::Route foreign{base::Prefix::parse("fd00:10:244:1::1/128").value(), {}, lo, {}};
  foreign.metric = 1024;
  ASSERT_TRUE(node.addRoute(foreign));
  const auto error = errorOf("ADD", "a", config(Families::Dual));
  EXPECT_EQ(error.code, number(CniCode::Kernel));
  EXPECT_EQ(error.msg, "a route to fd00:10:244:1::1/128 already exists");
  EXPECT_EQ(leftovers(), "route fd00:10:244:1::1/128\n");
  node.deleteRoute(foreign);
}

TEST_F(Add, UndoesEverythingIfTheNamespaceIsInvalid) {
  writeFile(directory_.file("file"), "");
  const auto result =
      call("ADD", "a", config(Families::Dual), {{"CNI_NETNS", directory_.file("file")}});
  EXPECT_EQ(conf::parseError(result.out).code, number(CniCode::Kernel));
  expectNothingLeft();
}

TEST_F(Add, UndoesEverythingIfKpoldIsUnreachable) {
  const auto error = errorOf("ADD", "a", enforcedConfig(directory_.file("no.sock")));
  EXPECT_EQ(error.code, number(CniCode::TryAgain));
  EXPECT_THAT(error.msg, testing::HasSubstr("cannot connect"));
  expectNothingLeft();
}

TEST_F(Add, UndoesEverythingWhenKpoldDoesNotEnforce) {
  std::vector<std::string> requests;
  {
    const UnixServer server([&](UnixServer::Connection& connection) {
      const auto request = connection.readRequest();
      requests.push_back(request.substr(0, request.find(" HTTP")));
      const bool put = request.starts_with("PUT");
      connection.write(httpAnswer(put ? 504 : 200, put ? R"({"error":"pod unknown"})" : "{}"));
    });
    const auto error = errorOf("ADD", "a", enforcedConfig(server.path()));
    EXPECT_EQ(error.code, number(CniCode::TryAgain));
    EXPECT_THAT(error.msg, testing::HasSubstr("pod unknown"));
  }
  EXPECT_THAT(requests, testing::ElementsAre("PUT /v1/attachments?timeout=4",
                                             testing::StartsWith("DELETE /v1/attachments/a/eth0")));
  expectNothingLeft();
}

// A UDP socket in a pod.
class Datagrams {
 public:
  Datagrams(const netlink::Netns& pod, base::Family family) {
    const auto inside = pod.enter();
    const bool v4 = family == base::Family::V4;
    fd_ = base::UniqueFd(::socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  }
  [[nodiscard]] bool listen() const {
    sockaddr_storage any = addressOf(base::IpAddress::parse("0.0.0.0").value());
    sockaddr_in6 any6{};
    any6.sin6_family = AF_INET6;
    any6.sin6_port = htons(kPort);
    return ::bind(fd_.value(), reinterpret_cast<sockaddr*>(&any), sizeof(sockaddr_in)) == 0 ||
           ::bind(fd_.value(), reinterpret_cast<sockaddr*>(&any6), sizeof any6) == 0;
  }
  void sendTo(const base::IpAddress& to) const {
    auto address = addressOf(to);
    const auto length = to.isV4() ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    EXPECT_EQ(::sendto(fd_.value(), "x", 1, 0, reinterpret_cast<sockaddr*>(&address),
                       static_cast<socklen_t>(length)),
              1);
  }
  // Whether a packet arrived within two seconds; it is sent back if `answer` is true.
  [[nodiscard]] bool receive(bool answer) const {
    pollfd state{fd_.value(), POLLIN, 0};
    if (::poll(&state, 1, 2000) != 1) return false;
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    char byte = 0;
    if (::recvfrom(fd_.value(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&from), &length) != 1)
      return false;
    return !answer ||
           ::sendto(fd_.value(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&from), length) == 1;
  }

 private:
  static constexpr std::uint16_t kPort = 5000;
  static sockaddr_storage addressOf(const base::IpAddress& ip) {
    sockaddr_storage address{};
    if (ip.isV4()) {
      auto* in = reinterpret_cast<sockaddr_in*>(&address);
      in->sin_family = AF_INET;
      in->sin_port = htons(kPort);
      std::memcpy(&in->sin_addr, ip.bytes().data(), 4);
    } else {
      auto* in = reinterpret_cast<sockaddr_in6*>(&address);
      in->sin6_family = AF_INET6;
      in->sin6_port = htons(kPort);
      std::memcpy(&in->sin6_addr, ip.bytes().data(), 16);
    }
    return address;
  }
  base::UniqueFd fd_;
};

// The kernel has two workers that ADD must not race with: a link with a new carrier drops packets
// until it has its queue (net/core/link_watch.c), and a new IPv6 address receives nothing until its
// route exists (net/ipv6/addrconf.c addrconf_dad_work).
TEST_F(Add, ReturnsWhenThePodCanSendAndReceive) {
  constexpr int kRounds = 60;
  const auto dual = config(Families::Dual);
  const auto hub = add("hub", dual).ips;
  for (const auto& [address, prefix, gateway, interface] : hub) {
    const Datagrams receiver(podNamespace("hub").open(), address.family());
    ASSERT_TRUE(receiver.listen());
    int asked = 0;
    int answered = 0;
    for (int round = 0; round < kRounds; ++round) {
      const auto id = "s" + std::to_string(round);
      const Datagrams sender(podNamespace(id).open(), address.family());
      add(id, dual);
      sender.sendTo(address);
      if (receiver.receive(true)) ++asked;
      if (sender.receive(false)) ++answered;
      del(id, dual);
      removePodNamespace(id);
    }
    EXPECT_EQ(asked, kRounds) << toString(address);
    EXPECT_EQ(answered, kRounds) << toString(address);
  }
  del("hub", dual);
}

TEST_F(Add, TakesTheMtuOfTheDefaultRoute) {
  netlink::RouteSocket node;
  node.addVeth({interface("up0"), *base::MacAddress::parse("02:00:00:00:01:01"), interface("up1"),
                *base::MacAddress::parse("02:00:00:00:01:02"), 1390, -1, ""});
  const auto uplink = node.findLink(interface("up0"))->index;
  for (const char* name : {"up0", "up1"}) node.setUp(node.findLink(interface(name))->index);
  node.addAddress({uplink, ip("192.0.2.10"), 24});
  netlink::Route route{base::Prefix::parse("0.0.0.0/0").value(), ip("192.0.2.1"), uplink, {}};
  ASSERT_TRUE(node.addRoute(route));
  const auto automatic = config(Families::V4, "", "1.1.0");
  const auto added = call("ADD", "a", automatic);
  EXPECT_EQ(conf::parseResult(added.out, "r").interfaces.back().mtu, 1390U);
  EXPECT_EQ(call("CHECK", "a", withPrevious(automatic, added.out)).status, 0);
  EXPECT_EQ(add("b", config(Families::V4, R"(,"mtu":1300)", "1.1.0")).interfaces.back().mtu, 1300U);
  for (const char* id : {"a", "b"}) del(id, automatic);
  node.deleteLink(uplink);
}

TEST_F(Add, SetsTheRequestedMacAddress) {
  const auto fromConfig =
      config(Families::V4, R"(,"runtimeConfig":{"mac":"02:aa:bb:cc:dd:01"})", "1.1.0");
  EXPECT_EQ(add("a", fromConfig).interfaces.back().mac, "02:aa:bb:cc:dd:01");
  const auto plain = config(Families::V4);
  const auto result = call("ADD", "b", plain,
                           {{"CNI_ARGS",
                             "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=b;"
                             "MAC=02:aa:bb:cc:dd:02"}});
  EXPECT_EQ(conf::parseResult(result.out, "r").interfaces.back().mac, "02:aa:bb:cc:dd:02");
  ips_ = {{"a", {ip("10.244.1.1")}}, {"b", {ip("10.244.1.2")}}};
  expectTraffic("a", "b");
  for (const char* id : {"a", "b"}) del(id, plain);
}

// Two interfaces: each address is reached and replies through its own interface.
TEST_F(Add, APodMayHaveSeveralInterfaces) {
  const auto dual = config(Families::Dual, "", "1.1.0");
  const Environment second{{"CNI_IFNAME", "net1"}};
  add("a", dual);
  const auto more = call("ADD", "a", dual, second);
  ASSERT_EQ(more.status, 0) << more.out;
  const auto result = conf::parseResult(more.out, "r");
  ASSERT_EQ(result.routes.size(), 2U);
  EXPECT_TRUE(result.routes.front().table);
  addPod("b", dual);
  for (const auto& address : result.ips) ips_["a"].push_back(address.address);
  expectTraffic("a", "b");
  EXPECT_EQ(call("CHECK", "a", withPrevious(dual, more.out), second).status, 0);
  for (const auto& rule : podNamespace("a").routeSocket().rules()) {
    podNamespace("a").routeSocket().deleteRule(rule);
    break;
  }
  const auto broken = call("CHECK", "a", withPrevious(dual, more.out), second);
  EXPECT_NE(broken.out.find("rule from"), std::string::npos) << broken.out;
  EXPECT_EQ(call("DEL", "a", dual, second).status, 0);
  EXPECT_TRUE(podNamespace("a").routeSocket().rules().empty());
  for (const char* id : {"a", "b"}) del(id, dual);
}

TEST_F(Add, RejectsHostPortsWithPolicyNone) {
  const auto error =
      errorOf("ADD", "a", config(Families::Dual, R"(,"runtimeConfig":{"portMappings":[
      {"hostPort":8080,"containerPort":80,"protocol":"tcp"}]})"));
  EXPECT_EQ(error.code, number(CniCode::InvalidConfig));
  EXPECT_THAT(error.msg, testing::HasSubstr("runtimeConfig.portMappings"));
  EXPECT_THAT(error.msg, testing::HasSubstr("TCP 8080"));
  expectNothingLeft();
  add("a", config(Families::Dual, R"(,"runtimeConfig":{"portMappings":[]})"));
  del("a", config(Families::Dual));
}

TEST_F(Add, RegistersAnExistingInterface) {
  conf::Attachment told{"", interface("x"), interface("x"), {}, {}, {}, {}};
  bool complete = false;
  std::optional<base::MacAddress> podMac;
  {
    const UnixServer server([&](UnixServer::Connection& connection) {
      const auto request = connection.readRequest();
      if (request.starts_with("PUT")) {
        told = conf::parseAttachment(request.substr(request.find("\r\n\r\n") + 4));
        netlink::RouteSocket node;
        const auto link = node.findLink(told.hostInterface);
        podMac = link.value().mac;
        podMac.value().bytes[5] |= 1U;  // the two ends differ in the last bit
        complete = link && link->up && node.routes(link->index).size() == 2;
      }
      connection.write(httpAnswer(200, R"({"generation":1})"));
    });
    const auto enforced = enforcedConfig(server.path());
    add("a", enforced);
    del("a", enforced);
  }
  const conf::Attachment expected{"a",
                                  interface("eth0"),
                                  hostEnd("a"),
                                  {"shop", "a"},
                                  "",
                                  podNamespace("a").path(),
                                  {ip("10.244.1.1"), ip("fd00:10:244:1::1")},
                                  {},
                                  podMac};
  EXPECT_EQ(told, expected);
  EXPECT_TRUE(complete);
}

}  // namespace
}  // namespace kpol::test
