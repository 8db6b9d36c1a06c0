// SPDX-License-Identifier: Apache-2.0
// Third-party filters that drop pods' packets, created with nft, iptables-nft and iptables-legacy:
// compares kpol's findings with real packets.
#include "node/host_firewall.hpp"
#include "tests/support/node.hpp"
#include "tests/support/prober.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <thread>

namespace kpol::test {
namespace {

using namespace std::chrono_literals;
using base::Family;
using nlohmann::json;

constexpr const char* kPods = R"(
apiVersion: v1
kind: PodList
items:
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: a}}
)";

struct Case {
  std::string name;
  std::string commands;  // of sh
  std::string findings;  // where and effect, a line each; with "?" where it is not certain
};

const std::vector<Case> kCases = {
    {"Nothing", "true", ""},
    {"NftPolicyDrop",
     "nft -f - <<'X'\ntable ip mine { chain pass { type filter hook forward priority 0; policy "
     "drop; }\n}\nX",
     "chain pass of table ip mine (policy drop) drops packets that pods send and receive\n"},
    {"NftLateRejectAsFirewalld",
     "nft -f - <<'X'\ntable inet firewalld {\n chain zones { iifname \"eth9\" accept; }\n chain "
     "filter_FORWARD { type filter hook forward priority filter + 10; policy accept; ct state "
     "established,related accept; iifname \"lo\" accept; jump zones; ct state invalid drop; reject "
     "with icmpx admin-prohibited; }\n}\nX",
     "chain filter_FORWARD of table inet firewalld drops packets that pods send and receive?\n"},
    {"NftAcceptsNewThenDrops",
     "nft -f - <<'X'\ntable inet mine { chain pass { type filter hook forward priority 0; policy "
     "drop; ct state { new, established } accept; }\n}\nX",
     "chain pass of table inet mine (policy drop) drops packets that pods send and receive?\n"},
    {"NftStatesByMask",
     "nft -f - <<'X'\ntable inet mine { chain pass { type filter hook forward priority 0; policy "
     "drop; ct state new,established,related accept; }\n}\nX",
     ""},
    {"NftOneFamilyOfTwo",
     "nft -f - <<'X'\ntable inet mine { chain pass { type filter hook forward priority 0; policy "
     "accept; meta nfproto ipv6 drop; }\n}\nX",
     "chain pass of table inet mine drops packets that pods send and receive over IPv6\n"},
    {"NftAddressesOfPods",
     "nft -f - <<'X'\ntable inet mine { chain pass { type filter hook forward priority 0; policy "
     "drop; ct state established accept; ip saddr 10.244.0.0/15 accept; ip daddr 10.244.1.0/24 "
     "accept; ip6 saddr fd00:10:244:1::/64 counter accept; ip6 daddr fd00::/8 accept; }\n}\nX",
     ""},
    {"NftWildcards",
     "nft -f - <<'X'\ntable ip6 mine { chain pods { oifname \"kpol*\" accept; }\nchain pass { type "
     "filter hook forward priority 0; policy drop; ct state established accept; iifname \"kpol*\" "
     "counter accept; meta l4proto { tcp, udp } jump pods; goto pods; }\n}\nX",
     ""},
    {"NftNegated",
     "nft -f - <<'X'\ntable ip mine { chain pass { type filter hook forward priority 0; policy "
     "accept; ct state established accept; iifname != \"eth0\" log drop; }\n}\nX",
     "chain pass of table ip mine drops packets that pods send\n"},
    {"NftOtherHooksAreNoMatter",
     "nft -f - <<'X'\ntable ip mine { chain in { type filter hook input priority 0; policy drop; }\n"
     "chain fw { type filter hook forward priority 0; policy accept; ct mark 5 drop; }\n}\nX",
     ""},
    {"IptablesPolicyDrop", "iptables-nft -P FORWARD DROP",
     "chain FORWARD of table ip filter (policy drop) drops packets that pods send and receive\n"},
    {"IptablesAsDockerLeavesIt",
     "iptables-nft -N DOCKER-USER; iptables-nft -N DOCKER-ISOLATION; iptables-nft -P FORWARD DROP; "
     "iptables-nft -A FORWARD -j DOCKER-USER; iptables-nft -A FORWARD -j DOCKER-ISOLATION; "
     "iptables-nft -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT; "
     "iptables-nft -A FORWARD -i docker0 ! -o docker0 -j ACCEPT; iptables-nft -A DOCKER-USER -j "
     "RETURN; iptables-nft -A DOCKER-ISOLATION -i docker0 -j DROP",
     "chain FORWARD of table ip filter (policy drop) drops packets that pods send and receive?\n"},
    {"Ip6tablesRejectsAtTheEnd",
     "ip6tables-nft -A FORWARD -m comment --comment x -m conntrack --ctstate RELATED,ESTABLISHED "
     "-j ACCEPT; ip6tables-nft -A FORWARD -m comment --comment rest -j REJECT",
     "chain FORWARD of table ip6 filter drops packets that pods send and receive\n"},
    {"IptablesByInterface",
     "iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -m conntrack --ctstate ESTABLISHED -j "
     "ACCEPT; iptables-nft -A FORWARD -i kpol+ -j ACCEPT",
     "chain FORWARD of table ip filter (policy drop) drops packets that pods receive\n"},
    {"IptablesByAddress",
     "iptables-nft -P FORWARD DROP; iptables-nft -A FORWARD -m conntrack --ctstate ESTABLISHED -j "
     "ACCEPT; iptables-nft -A FORWARD -s 10.244.0.0/16 -j ACCEPT; iptables-nft -A FORWARD -d "
     "10.0.0.0/8 -j ACCEPT",
     ""},
    {"LegacyPolicyDrop", "iptables-legacy -P FORWARD DROP",
     "chain FORWARD of table legacy iptables ip filter (policy drop) drops packets that pods "
     "send and receive\n"},
    {"LegacyV6PolicyDrop", "ip6tables-legacy -P FORWARD DROP",
     "chain FORWARD of table legacy iptables ip6 filter (policy drop) drops packets that pods "
     "send and receive\n"},
    {"LegacyChains",
     "iptables-legacy -N first; iptables-legacy -N second; iptables-legacy -A FORWARD -m conntrack "
     "--ctstate ESTABLISHED -j ACCEPT; iptables-legacy -A FORWARD -j first; iptables-legacy -A "
     "FORWARD -m comment --comment rest -j REJECT; iptables-legacy -A first -i docker0 -j DROP; "
     "iptables-legacy -A first -i kpol+ -g second; iptables-legacy -A first -j RETURN; "
     "iptables-legacy -A second -s 10.9.0.0/16 ! -d 10.1.0.0/16 -j RETURN; iptables-legacy -A "
     "second -j ACCEPT",
     "chain FORWARD of table legacy iptables ip filter drops packets that pods receive\n"},
    {"LegacyByInterface",
     "ip6tables-legacy -P FORWARD DROP; ip6tables-legacy -A FORWARD -m conntrack --ctstate "
     "ESTABLISHED -j ACCEPT; ip6tables-legacy -A FORWARD -o kpol+ -j ACCEPT",
     "chain FORWARD of table legacy iptables ip6 filter (policy drop) drops packets that pods "
     "send\n"},
    {"LegacyByAddress",
     "iptables-legacy -P FORWARD DROP; iptables-legacy -A FORWARD -m state --state ESTABLISHED -j "
     "ACCEPT; iptables-legacy -A FORWARD -s 10.244.0.0/16 -j ACCEPT; iptables-legacy -A FORWARD -d "
     "10.244.1.0/24 -j ACCEPT",
     ""},
    {"TwoAtOnce", "iptables-nft -P FORWARD DROP; ip6tables-legacy -P FORWARD DROP",
     "chain FORWARD of table ip filter (policy drop) drops packets that pods send and "
     "receive\nchain FORWARD of table legacy iptables ip6 filter (policy drop) drops packets "
     "that pods send and receive\n"},
};

void shell(const std::string& commands) {
  const auto result = run({"sh", "-ec", commands});
  ASSERT_EQ(result.status, 0) << commands << "\n" << result.err;
}

// No third-party object is left; kpold's table cannot be flushed.
void clear() {
  shell(
      "for t in iptables-nft ip6tables-nft iptables-legacy ip6tables-legacy; do $t -P FORWARD "
      "ACCEPT; $t -F; $t -X; done; nft flush ruleset");
}

class HostFirewall : public testing::Test {
 protected:
  HostFirewall() {
    node_.apply("pods.yaml", kPods);
    node_.startKpold();
    prober_.addHost("a", node_.add({"shop", "a"}).netns->open());
    prober_.addHost("outside", node_.outside().open());
  }
  ~HostFirewall() override { clear(); }

  static std::vector<node::FirewallFinding> findings() {
    return node::judge(node::readHostFirewalls(), {*base::Prefix::parse("10.244.1.0/24"),
                                                   *base::Prefix::parse("fd00:10:244:1::/64")});
  }
  static std::string text(const std::vector<node::FirewallFinding>& findings) {
    std::string all;
    for (const auto& finding : findings)
      all += finding.where + " " + finding.effect + (finding.certain ? "" : "?") + "\n";
    return all;
  }
  bool passes(const std::string& from, Family family, bool expected) {
    const auto pod = node_.find({"shop", "a"})->ip(family);
    const auto other = Node::outsideIp(family);
    const policy::Flow flow{from == "a" ? pod : other, from == "a" ? other : pod, 17, 80};
    return prober_.run({{from, flow}}, {expected}).at(0) == Reach::Both;
  }
  // A certain finding must be right; packets without a finding must pass.
  void expectTrue(const std::vector<node::FirewallFinding>& findings) {
    for (const auto family : {Family::V4, Family::V6})
      for (const std::string from : {"a", "outside"}) {
        const auto said = [&](const node::FirewallFinding& finding) {
          return concerns(finding, family) &&
                 finding.effect.find(from == "a" ? "send" : "receive") != std::string::npos;
        };
        const auto found = std::find_if(findings.begin(), findings.end(), said);
        const bool expected = found == findings.end();
        if (!expected && !found->certain) continue;
        EXPECT_EQ(passes(from, family, expected), expected)
            << "from " << from << (family == Family::V4 ? " by IPv4" : " by IPv6");
      }
  }
  static bool concerns(const node::FirewallFinding& finding, Family family) {
    const bool v4 =
        finding.where.find(" ip6 ") == std::string::npos && !finding.effect.ends_with("over IPv6");
    const bool v6 =
        finding.where.find(" ip ") == std::string::npos && !finding.effect.ends_with("over IPv4");
    return family == Family::V4 ? v4 : v6;
  }

  Node node_;
  Prober prober_;
};

TEST_F(HostFirewall, FindingsAgreeWithPackets) {
  for (const auto& c : kCases) {
    SCOPED_TRACE(c.name);
    clear();
    shell(c.commands);
    const auto found = findings();
    EXPECT_EQ(text(found), c.findings);
    expectTrue(found);
  }
}

TEST_F(HostFirewall, ItsRemedyHelps) {
  for (const char* name : {"NftPolicyDrop", "NftOneFamilyOfTwo", "NftNegated", "IptablesPolicyDrop",
                           "IptablesAsDockerLeavesIt", "Ip6tablesRejectsAtTheEnd",
                           "LegacyPolicyDrop", "LegacyV6PolicyDrop", "TwoAtOnce"}) {
    SCOPED_TRACE(name);
    clear();
    const auto c = std::find_if(kCases.begin(), kCases.end(),
                                [&](const Case& one) { return one.name == name; });
    ASSERT_NE(c, kCases.end());
    shell(c->commands);
    for (const auto& finding : findings()) shell(finding.remedy);
    EXPECT_EQ(text(findings()), "");
    for (const auto family : {Family::V4, Family::V6})
      for (const char* from : {"a", "outside"}) EXPECT_TRUE(passes(from, family, true)) << from;
  }
}

TEST_F(HostFirewall, ReadingCreatesNoLegacyIptablesTable) {
  // In a namespace where iptables-legacy was never used.
  const auto fresh = node_.outside().open();
  const auto inside = fresh.enter();
  node::readHostFirewalls();
  const auto names = run({"cat", "/proc/thread-self/net/ip_tables_names"});
  EXPECT_EQ(names.out, "");
}

TEST_F(HostFirewall, KpoldReportsIt) {
  ASSERT_EQ(node_.stopKpold(SIGTERM), 0);
  shell("iptables-nft -P FORWARD DROP");
  node_.startKpold();
  json told;
  for (int i = 0; i < 2000 && told.empty(); ++i, std::this_thread::sleep_for(5ms))
    told = json::parse(node_.get("/v1/status")).at("hostFirewalls");
  ASSERT_EQ(told.size(), 1U);
  EXPECT_EQ(told[0].at("where"), "chain FORWARD of table ip filter (policy drop)");
  EXPECT_EQ(told[0].at("certain"), true);
  const auto status = node_.kpolctl({"status"});
  EXPECT_EQ(status.status, 0);
  EXPECT_NE(status.out.find("Host firewall"), std::string::npos) << status.out;
  EXPECT_NE(status.out.find("remedy: iptables -I FORWARD -i kpol+ -j ACCEPT"), std::string::npos)
      << status.out;
  EXPECT_NE(
      node_.log().find("host firewall drops packets of pods "
                       "where=\"chain FORWARD of table ip filter (policy drop)\" effect=\"drops"),
      std::string::npos)
      << node_.log();
  EXPECT_FALSE(passes("a", Family::V4, false));
  EXPECT_TRUE(passes("a", Family::V6, true));
}

}  // namespace
}  // namespace kpol::test
