// SPDX-License-Identifier: Apache-2.0
// CHECK, STATUS, chains and delegated IPAM against the kernel.
#include "ipam/lease_store.hpp"
#include "plugin/plan.hpp"
#include "tests/control/unix_server.hpp"
#include "tests/plugin/plugin_node.hpp"
#include "tests/support/addresses.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

namespace kpol::test {
namespace {

using conf::CniCode;

class Check : public PluginNode {
 protected:
  using Sabotage = std::function<void(netlink::RouteSocket& node, netlink::RouteSocket& pod)>;

  // The error of CHECK for a pod after `sabotage`; the pod is deleted afterwards.
  std::string faultAfter(const Sabotage& sabotage) {
    const auto dual = config(Families::Dual, R"(,"mtu":1450)");
    const auto added = call("ADD", "a", dual);
    EXPECT_EQ(added.status, 0) << added.out;
    const auto checked = withPrevious(dual, added.out);
    EXPECT_EQ(call("CHECK", "a", checked).out, "");
    ips_.clear();
    for (const auto& address : conf::parseResult(added.out, "result").ips)
      ips_.push_back(address.address);
    netlink::RouteSocket node;
    auto pod = podNamespace("a").routeSocket();
    sabotage(node, pod);
    const auto error = errorOf("CHECK", "a", checked);
    EXPECT_EQ(error.code, number(CniCode::CheckFailed)) << error.msg;
    del("a", dual);
    expectNothingLeft();
    return error.msg;
  }

  std::string ipText(std::size_t i) const { return toString(ips_.at(i)); }

  std::vector<base::IpAddress> ips_;
};

base::IfIndex indexOf(netlink::RouteSocket& socket, const base::IfName& name) {
  return socket.findLink(name).value().index;
}

TEST_F(Check, ReportsEachMissingAddress) {
  for (const std::size_t which : {0U, 1U}) {
    const auto fault = faultAfter([&](auto&, auto& pod) {
      pod.deleteAddress({indexOf(pod, interface("eth0")), ips_[which],
                         static_cast<std::uint8_t>(ips_[which].bits()), false});
    });
    EXPECT_THAT(fault, testing::HasSubstr("in the pod: address " + ipText(which) + " is missing"));
  }
}

TEST_F(Check, ReportsEachMissingRoute) {
  for (const bool inPod : {true, false})
    for (const bool v4 : {true, false}) {
      const auto fault = faultAfter([&](auto& node, auto& pod) {
        auto& socket = inPod ? pod : node;
        const auto link = indexOf(socket, inPod ? interface("eth0") : hostEnd("a"));
        for (const auto& route : socket.routes(link))
          if (route.destination.address().isV4() == v4 && route.protocol != 2) {
            EXPECT_TRUE(socket.deleteRoute(route));
          }
      });
      const std::string destination =
          inPod ? (v4 ? "0.0.0.0/0" : "::/0") : ipText(v4 ? 0 : 1) + (v4 ? "/32" : "/128");
      EXPECT_EQ(fault, std::string(inPod ? "in the pod" : "on the node") + ": route to " +
                           destination + " is missing");
    }
}

TEST_F(Check, ReportsEachMissingNeighbour) {
  for (const bool inPod : {true, false})
    for (const bool v4 : {true, false}) {
      const auto fault = faultAfter([&](auto& node, auto& pod) {
        auto& socket = inPod ? pod : node;
        const auto link = indexOf(socket, inPod ? interface("eth0") : hostEnd("a"));
        for (const auto& neighbour : socket.neighbours(link))
          if (neighbour.permanent && neighbour.address.isV4() == v4) {
            EXPECT_TRUE(socket.deleteNeighbour(neighbour));
          }
      });
      const std::string address = inPod ? (v4 ? "169.254.1.1" : "fe80::1") : ipText(v4 ? 0 : 1);
      EXPECT_EQ(fault, std::string(inPod ? "in the pod" : "on the node") +
                           ": permanent neighbour entry of " + address + " is missing");
    }
}

TEST_F(Check, ReportsAnotherMtu) {
  EXPECT_EQ(faultAfter([](auto&, auto& pod) { pod.setMtu(indexOf(pod, interface("eth0")), 1400); }),
            "in the pod: interface eth0 has MTU 1400, not 1450");
  EXPECT_EQ(faultAfter([](auto& node, auto&) { node.setMtu(indexOf(node, hostEnd("a")), 1400); }),
            "on the node: interface " + hostEnd("a").text() + " has MTU 1400, not 1450");
}

TEST_F(Check, ReportsALinkThatIsDown) {
  const auto fault = faultAfter([&](auto&, auto&) {
    const auto result =
        run({"nsenter", "--net=" + podNamespace("a").path(), "ip", "link", "set", "eth0", "down"});
    EXPECT_EQ(result.status, 0) << result.err;
  });
  EXPECT_THAT(fault, testing::HasSubstr("in the pod: interface eth0 is down"));
}

TEST_F(Check, ReportsALinkThatAcceptsRoutesOfThePod) {
  for (const std::string sysctl :
       {"ipv6/conf/@/accept_ra", "ipv6/conf/@/accept_redirects", "ipv4/conf/@/accept_redirects"}) {
    auto path = "net/" + sysctl;
    path.replace(path.find('@'), 1, hostEnd("a").text());
    const auto fault = faultAfter([&](auto&, auto&) { std::ofstream("/proc/sys/" + path) << "1"; });
    EXPECT_THAT(fault, testing::HasSubstr("on the node: sysctl " + path + " is not 0"));
  }
}

TEST_F(Check, ReportsAnotherMac) {
  const auto fault = faultAfter([&](auto&, auto&) {
    const auto result =
        run({"ip", "link", "set", hostEnd("a").text(), "address", "02:aa:bb:cc:dd:ee"});
    EXPECT_EQ(result.status, 0) << result.err;
  });
  EXPECT_THAT(fault, testing::HasSubstr("on the node: interface " + hostEnd("a").text() +
                                        " has a different MAC address"));
}

TEST_F(Check, ReportsAMissingLink) {
  const auto fault = faultAfter([](auto& node, auto&) { node.deleteLink(hostEnd("a")); });
  EXPECT_EQ(fault, "on the node: interface " + hostEnd("a").text() +
                       " is missing; in the pod: interface eth0 is missing");
}

TEST_F(Check, ReportsAMissingLease) {
  const auto fault = faultAfter([&](auto&, auto&) {
    ipam::LeaseStore::open(directory_.path()).remove({"a", "eth0"});
  });
  EXPECT_EQ(fault, "container a interface eth0 has no lease");
}

TEST_F(Check, RequiresTheNamespace) {
  const auto dual = config(Families::Dual);
  const auto added = call("ADD", "a", dual);
  const auto result = call("CHECK", "a", withPrevious(dual, added.out),
                           {{"CNI_NETNS", directory_.file("no-namespace")}});
  EXPECT_EQ(conf::parseError(result.out).code, number(CniCode::UnknownContainer));
  del("a", dual);
}

TEST_F(Check, QueriesKpold) {
  unsigned status = 200;
  std::string body = R"({"enforced":true})";
  const UnixServer server([&](UnixServer::Connection& connection) {
    const auto request = connection.readRequest();
    connection.write(httpAnswer(request.starts_with("GET") ? status : 200, body));
  });
  const auto enforced = enforcedConfig(server.path());
  const auto added = call("ADD", "a", enforced);
  ASSERT_EQ(added.status, 0) << added.out;
  EXPECT_EQ(call("CHECK", "a", withPrevious(enforced, added.out)).out, "");
  body = R"({"enforced":false})";
  EXPECT_EQ(errorOf("CHECK", "a", withPrevious(enforced, added.out)).msg,
            "the kernel does not enforce the policies of container a interface eth0");
  status = 404;
  const auto error = errorOf("CHECK", "a", withPrevious(enforced, added.out));
  EXPECT_EQ(error.code, number(CniCode::CheckFailed));
  EXPECT_EQ(error.msg, "kpold does not know container a interface eth0");
  del("a", enforced);
}

using Status = PluginNode;

TEST_F(Status, ReturnsLimitedConnectivity) {
  const UnixServer server(UnixServer::answering(
      200, R"({"ready":true,"fault":{"message":"the kernel rejected a change","at":1}})"));
  const auto error = errorOf(
      "STATUS", "a",
      config(Families::Dual, R"(,"policy":"required","socket":")" + server.path() + "\"", "1.1.0"));
  EXPECT_EQ(error.code, 51U);
  EXPECT_EQ(error.msg, "the kernel rejected a change");
}

TEST_F(Status, IsTheStatusOfKpold) {
  for (const bool ready : {true, false}) {
    const UnixServer server(
        UnixServer::answering(200, std::string(R"({"ready":)") + (ready ? "true}" : "false}")));
    auto asked = config(Families::Dual, R"(,"policy":"required","socket":")" + server.path() + "\"",
                        "1.1.0");
    const auto result = call("STATUS", "a", asked);
    EXPECT_EQ(result.status, ready ? 0 : 1) << result.out;
    if (ready) {
      EXPECT_EQ(result.out, "");
    } else {
      EXPECT_EQ(conf::parseError(result.out).code, 50U);
    }
  }
}

// kpol after another main plugin: the test creates the interface.
class Chain : public PluginNode {
 protected:
  void connect(const std::string& id, const std::string& hostName) {
    netlink::RouteSocket node;
    const auto pod = podNamespace(id).open();
    ASSERT_TRUE(node.addVeth({interface(hostName),
                              {{2, 0, 0, 0, 0, 1}},
                              interface("eth0"),
                              {{2, 0, 0, 0, 0, 2}},
                              0,
                              pod.fd(),
                              ""}));
  }

  [[nodiscard]] std::string chained(const std::string& socket) const {
    return R"({"cniVersion":"1.0.0","name":"pods","type":"kpol","stateDir":")" + directory_.path() +
           R"(","socket":")" + socket + R"(","prevResult":)" + previous_ + "}";
  }

  const std::string previous_ =
      R"({"cniVersion":"1.0.0","interfaces":[{"name":"cni0"},{"name":"vethtest"},)"
      R"({"name":"eth0","sandbox":"/x"}],"ips":[{"address":"10.1.0.9/24","interface":2}],"later":1})";
};

TEST_F(Chain, RegistersThePodAndPassesTheResult) {
  conf::Attachment told{"", interface("x"), interface("x"), {}, {}, {}, {}};
  std::vector<std::string> methods;
  {
    const UnixServer server([&](UnixServer::Connection& connection) {
      const auto request = connection.readRequest();
      methods.push_back(request.substr(0, request.find(' ')));
      if (methods.back() == "PUT")
        told = conf::parseAttachment(request.substr(request.find("\r\n\r\n") + 4));
      connection.write(httpAnswer(200, R"({"enforced":true})"));
    });
    connect("a", "vethtest");
    const auto added = call("ADD", "a", chained(server.path()));
    EXPECT_EQ(added.status, 0) << added.out;
    EXPECT_EQ(added.out, previous_ + "\n");
    EXPECT_EQ(call("CHECK", "a", chained(server.path())).out, "");
    del("a", chained(server.path()));
  }
  const conf::Attachment expected{
      "a", interface("eth0"),        interface("vethtest"), {"shop", "a"},
      "",  podNamespace("a").path(), {ip("10.1.0.9")}};
  EXPECT_EQ(told, expected);
  EXPECT_THAT(methods, testing::ElementsAre("PUT", "GET", "DELETE"));
  EXPECT_TRUE(netlink::RouteSocket().deleteLink(interface("vethtest")));  // no other program did
}

TEST_F(Chain, FailsIfTrafficWouldBypassIt) {
  const auto unmade = errorOf("ADD", "a", chained("/tmp/kpol-test-none"));
  EXPECT_EQ(unmade.code, number(CniCode::InvalidConfig));
  EXPECT_EQ(unmade.msg, "interface eth0 of the pod does not exist");
  ASSERT_TRUE(podNamespace("a").routeSocket().addVeth({interface("eth0"),
                                                       {{2, 0, 0, 0, 0, 1}},
                                                       interface("inside"),
                                                       {{2, 0, 0, 0, 0, 2}},
                                                       0,
                                                       -1,
                                                       ""}));
  EXPECT_EQ(errorOf("ADD", "a", chained("/tmp/kpol-test-none")).code,
            number(CniCode::InvalidConfig));
}

TEST_F(Chain, LimitsTheBandwidthOfAThirdPartyInterface) {
  const UnixServer server(UnixServer::answering(200, R"({"enforced":true})"));
  connect("a", "vethtest");
  auto limited = chained(server.path());
  limited.insert(1, R"("runtimeConfig":{"bandwidth":{"ingressRate":8000000,"ingressBurst":80000,
                      "egressRate":8000000,"egressBurst":80000}},)");
  const auto added = call("ADD", "a", limited);
  EXPECT_EQ(added.status, 0) << added.out;
  EXPECT_EQ(call("CHECK", "a", limited).out, "");
  netlink::RouteSocket node;
  const auto host = indexOf(node, interface("vethtest"));
  EXPECT_EQ(node.shaping(host)->rate, 1'000'000U);
  EXPECT_EQ(node.ingressRedirect(host), indexOf(node, plugin::ifbOf({"a", "eth0"})));
  EXPECT_EQ(run({"tc", "qdisc", "del", "dev", "vethtest", "ingress"}).status, 0);
  EXPECT_THAT(errorOf("CHECK", "a", limited).msg, testing::HasSubstr("the pod's egress"));
  del("a", limited);
  expectNothingLeft();  // of ours
  EXPECT_TRUE(node.deleteLink(host));
}

TEST_F(Chain, FailsWithoutKpold) {
  connect("a", "vethtest");
  EXPECT_EQ(errorOf("ADD", "a", chained(directory_.file("no.sock"))).code,
            number(CniCode::TryAgain));
  netlink::RouteSocket().deleteLink(interface("vethtest"));
}

class Delegated : public PluginNode {
 protected:
  void install(const std::string& script) {
    const auto path = directory_.file("bin/fake");
    writeFile(path, "#!/bin/sh\necho $CNI_COMMAND >> " + directory_.file("calls") + "\n" + script);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
  [[nodiscard]] std::string delegating(const std::string& socket = "/tmp/kpol-test-none",
                                       const char* policy = "none") const {
    return R"({"cniVersion":"1.0.0","name":"pods","type":"kpol","policy":")" + std::string(policy) +
           R"(","stateDir":")" + directory_.path() + R"(","socket":")" + socket +
           R"(","ipam":{"type":"fake"}})";
  }
  [[nodiscard]] std::string calls() const { return readFile(directory_.file("calls")); }
};

TEST_F(Delegated, ConfiguresItsAddresses) {
  install(R"([ $CNI_COMMAND = ADD ] && echo '{"cniVersion":"1.0.0",
      "ips":[{"address":"10.9.0.7/16","gateway":"10.9.0.1"}],"dns":{"domain":"d"}}'; true)");
  const auto added = call("ADD", "a", delegating());
  ASSERT_EQ(added.status, 0) << added.out << added.err;
  const auto result = conf::parseResult(added.out, "result");
  EXPECT_EQ(result.ips, (std::vector<conf::CniIp>{{ip("10.9.0.7"), 32, ip("169.254.1.1"), 1}}));
  EXPECT_EQ(result.dns.domain, "d");
  EXPECT_EQ(call("CHECK", "a", withPrevious(delegating(), added.out)).out, "");
  del("a", delegating());
  EXPECT_EQ(calls(), "ADD\nCHECK\nDEL\n");
}

TEST_F(Delegated, IsReleasedIfAddFails) {
  install(R"(echo '{"ips":[{"address":"10.9.0.7/16"}]}')");
  EXPECT_EQ(errorOf("ADD", "a", delegating(directory_.file("no.sock"), "required")).code,
            number(CniCode::TryAgain));
  EXPECT_EQ(calls(), "ADD\nDEL\n");
  expectNothingLeft();
}

TEST_F(Delegated, PassesItsErrors) {
  install(R"(echo '{"code":777,"msg":"pool empty"}'; exit 1)");
  EXPECT_EQ(errorOf("ADD", "a", delegating()), (conf::CniError{777, "pool empty", ""}));
}

}  // namespace
}  // namespace kpol::test
