// SPDX-License-Identifier: Apache-2.0
#include "plugin/plan.hpp"

#include "tests/plugin/requests.hpp"
#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace kpol::plugin {
namespace {

using test::ip;
using test::prefix;
using test::requestFor;

base::IfName interface(const char* name) {
  return base::IfName::parse(name).value();
}

Request request() {
  return requestFor("0a1b", R"({"cniVersion":"1.0.0","name":"pods","mtu":1450,
                                "dns":{"nameservers":["10.96.0.10"]}})");
}

TEST(HostInterface, NeverChanges) {
  // The names of pods that run while kpol is replaced by a newer one.
  EXPECT_EQ(hostInterfaceOf({"0a1b", "eth0"}).text(), "kpole8bb033d7a2");
  EXPECT_EQ(hostInterfaceOf({"0a1b", "net1"}).text(), "kpolc354ce2e1c8");
}

TEST(HostInterface, DiffersForEveryAttachment) {
  std::set<std::string> names;
  for (int i = 0; i < 20000; ++i) {
    names.insert(hostInterfaceOf({"container" + std::to_string(i), "eth0"}).text());
    names.insert(hostInterfaceOf({"container" + std::to_string(i), "eth1"}).text());
  }
  EXPECT_EQ(names.size(), 40000U);
  // Where the ID ends and the ifname begins matters.
  EXPECT_NE(hostInterfaceOf({"ab", "c"}), hostInterfaceOf({"a", "bc"}));
}

TEST(Plan, AllowsLoopbackOnlyForHostPortsThatNeedIt) {
  const auto opens =
      [](const std::string& mappings) {
        const auto plan = planFor(requestFor("0a1b", R"({"cniVersion":"1.0.0","name":"pods",
        "runtimeConfig":{"portMappings":[)" + mappings + "]}}"),
                                  {ip("10.244.1.5"), ip("fd00::5")});
        const Sysctl wanted{"net/ipv4/conf/" + plan.host.name.text() + "/route_localnet", "1",
                            Sysctl::Need::Optional};
        return std::find(plan.host.sysctls.begin(), plan.host.sysctls.end(), wanted) !=
               plan.host.sysctls.end();
      };
  const auto mapping = [](const std::string& hostIp) {
    return R"({"hostPort":80,"containerPort":80,"hostIP":")" + hostIp + "\"}";
  };
  EXPECT_FALSE(opens(""));
  for (const char* with : {"", "0.0.0.0", "127.0.0.1", "127.1.2.3"})
    EXPECT_TRUE(opens(mapping(with))) << with;
  for (const char* without : {"192.0.2.1", "::", "fd00::1"})
    EXPECT_FALSE(opens(mapping(without))) << without;
}

TEST(Plan, DualStackPod) {
  const auto plan = planFor(request(), {ip("10.244.1.5"), ip("fd00::5")});
  const auto host = hostInterfaceOf({"0a1b", "eth0"});
  EXPECT_EQ(plan.host.name, host);
  EXPECT_EQ(plan.pod.name, interface("eth0"));
  EXPECT_NE(plan.host.mac, plan.pod.mac);
  EXPECT_EQ(plan.mtu, 1450U);
  EXPECT_EQ(plan.alias, "0a1b eth0 pods shop/0a1b");

  EXPECT_EQ(plan.pod.addresses, (std::vector<netlink::Address>{{{}, ip("10.244.1.5"), 32, false},
                                                               {{}, ip("fd00::5"), 128, true}}));
  EXPECT_EQ(plan.pod.neighbours,
            (std::vector<netlink::Neighbour>{{{}, ip("169.254.1.1"), plan.host.mac, true},
                                             {{}, ip("fe80::1"), plan.host.mac, true}}));
  netlink::Route v4{prefix("0.0.0.0/0"), ip("169.254.1.1"), {}, {}};
  netlink::Route v6{prefix("::/0"), ip("fe80::1"), {}, {}};
  v4.onLink = v6.onLink = true;
  EXPECT_EQ(plan.pod.routes, (std::vector{v4, v6}));
  EXPECT_TRUE(plan.pod.automaticIpv6);

  EXPECT_TRUE(plan.host.addresses.empty());
  EXPECT_EQ(plan.host.neighbours,
            (std::vector<netlink::Neighbour>{{{}, ip("10.244.1.5"), plan.pod.mac, true},
                                             {{}, ip("fd00::5"), plan.pod.mac, true}}));
  netlink::Route toV4{prefix("10.244.1.5/32"), {}, {}, {}};
  toV4.scope = netlink::RouteScope::Link;
  const netlink::Route toV6{prefix("fd00::5/128"), {}, {}, {}};
  EXPECT_EQ(plan.host.routes, (std::vector{toV4, toV6}));
  EXPECT_FALSE(plan.host.automaticIpv6);

  const std::string v4Conf = "net/ipv4/conf/" + host.text();
  const std::string v6Conf = "net/ipv6/conf/" + host.text();
  using enum Sysctl::Need;
  EXPECT_EQ(plan.host.sysctls, (std::vector<Sysctl>{{v4Conf + "/rp_filter", "1", Hardening},
                                                    {v4Conf + "/accept_redirects", "0", Hardening},
                                                    {v4Conf + "/forwarding", "1", Optional},
                                                    {v6Conf + "/accept_ra", "0", Hardening},
                                                    {v6Conf + "/accept_redirects", "0", Hardening},
                                                    {v6Conf + "/disable_ipv6", "0", Network},
                                                    {v6Conf + "/forwarding", "1", Optional}}));
  EXPECT_EQ(plan.pod.sysctls,
            (std::vector<Sysctl>{{"net/ipv6/conf/eth0/disable_ipv6", "0", Network},
                                 {"net/ipv6/conf/eth0/accept_ra", "0", Hardening}}));
}

TEST(Plan, SingleFamilyPodHasNothingOfTheOther) {
  const auto v4 = planFor(request(), {ip("10.244.1.5"), ip("10.245.1.5")});
  EXPECT_EQ(v4.pod.addresses.size(), 2U);
  EXPECT_EQ(v4.host.routes.size(), 2U);
  EXPECT_EQ(v4.pod.routes.size(), 1U);
  EXPECT_EQ(v4.pod.neighbours.size(), 1U);
  EXPECT_FALSE(v4.pod.automaticIpv6);
  EXPECT_TRUE(v4.pod.sysctls.empty());
  EXPECT_EQ(v4.host.sysctls.size(), 5U) << "its link has IPv6 also if the pod has not";

  const auto v6 = planFor(request(), {ip("fd00::5")});
  EXPECT_EQ(v6.pod.routes.front().destination, prefix("::/0"));
  EXPECT_TRUE(v6.pod.automaticIpv6);
  EXPECT_EQ(v6.host.sysctls.size(), 5U);
}

TEST(Plan, HasAUniqueUnicastMacForEachEnd) {
  for (const char* id : {"a", "b", "c", "d"}) {
    auto other = request();
    other.env.containerId = id;
    const auto plan = planFor(other, {ip("10.0.0.1")});
    EXPECT_EQ(plan.host.mac.bytes[0], 0x02);
    EXPECT_EQ(plan.pod.mac.bytes[0], 0x02);
    EXPECT_NE(plan.host.mac, plan.pod.mac);
    EXPECT_NE(plan.host.mac, planFor(request(), {ip("10.0.0.1")}).host.mac);
  }
}

TEST(Alias, NamesTheAttachmentOfTheLink) {
  EXPECT_EQ(parseAlias(planFor(request(), {ip("10.0.0.1")}).alias),
            (Owner{{"0a1b", "eth0"}, "pods"}));
  auto longest = request();
  longest.env.containerId = std::string(64, 'c');
  longest.env.args.pod = {std::string(63, 'n'), std::string(253, 'p')};
  const auto alias = planFor(longest, {ip("10.0.0.1")}).alias;
  EXPECT_EQ(alias.size(), 255U);
  EXPECT_EQ(parseAlias(alias), (Owner{{std::string(64, 'c'), "eth0"}, "pods"}));
}

TEST(Alias, ThirdPartyAliasIsNullopt) {
  for (const char* alias : {"", "uplink", "a b", "a b c", " b c d", "a  c d"})
    EXPECT_EQ(parseAlias(alias), std::nullopt) << alias;
}

TEST(AttachmentOf, SortsItsAddresses) {
  const conf::Attachment expected{"0a1b",
                                  interface("eth0"),
                                  interface("veth7"),
                                  {"shop", "0a1b"},
                                  "uid-0a1b",
                                  "/run/netns/0a1b",
                                  {ip("10.0.0.1"), ip("fd00::1")}};
  EXPECT_EQ(
      attachmentOf(request(), interface("veth7"), {ip("fd00::1"), ip("10.0.0.1"), ip("fd00::1")}),
      expected);
}

TEST(ResultOf, HasBothInterfacesAndTheLinkLocalGateways) {
  const auto plan = planFor(request(), {ip("10.244.1.5"), ip("fd00::5")});
  const conf::CniResult expected{
      {{plan.host.name.text(), toString(plan.host.mac), 1450, ""},
       {"eth0", toString(plan.pod.mac), 1450, "/run/netns/0a1b"}},
      {{ip("10.244.1.5"), 32, ip("169.254.1.1"), 1}, {ip("fd00::5"), 128, ip("fe80::1"), 1}},
      {{prefix("0.0.0.0/0"), ip("169.254.1.1")}, {prefix("::/0"), ip("fe80::1")}},
      {{"10.96.0.10"}, "", {}, {}}};
  EXPECT_EQ(resultOf(request(), plan, 1450), expected);
}

}  // namespace
}  // namespace kpol::plugin
