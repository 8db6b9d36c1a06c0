// SPDX-License-Identifier: Apache-2.0
#include "conf/daemon_config.hpp"

#include "conf/duration.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kpol::conf {
namespace {

using namespace std::chrono_literals;

DaemonConfig read(const std::string& fields) {
  DaemonConfig config;
  readDaemonConfig("apiVersion: kpol.io/v1alpha1\nkind: KpoldConfiguration\n" + fields, config);
  return config;
}

// Returns the error message, or "" if the text is valid.
std::string refusal(const std::string& text) {
  try {
    DaemonConfig config;
    readDaemonConfig(text, config);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "";
}

std::string refusalOf(const std::string& fields) {
  return refusal("apiVersion: kpol.io/v1alpha1\nkind: KpoldConfiguration\n" + fields);
}

TEST(DaemonConfig, EmptyConfigHasDefaults) {
  EXPECT_EQ(read(""), DaemonConfig());
}

TEST(DaemonConfig, EveryFieldIsRead) {
  DaemonConfig expected;
  expected.nodeName = "n1";
  expected.source = {Source::Kind::Directory, "/etc/kpol/manifests"};
  expected.kubeconfig = "/k";
  expected.socket = "/s";
  expected.stateDir = "/d";
  expected.metricsListen = ListenAddress{*base::IpAddress::parse("::1"), 1234};
  expected.logLevel = base::LogLevel::Debug;
  expected.logFormat = base::LogFormat::Json;
  expected.podToNode = DaemonConfig::PodToNode::Policy;
  expected.auditInterval = 90s;
  expected.collectAfter = 10s;
  expected.manageSysctls = false;
  expected.clearNetworkUnavailable = true;
  expected.metadataGuard = false;
  expected.metadataAddresses = {
      {*base::IpAddress::parse("169.254.169.254"), *base::IpAddress::parse("fd00:ec2::254")}};
  expected.defaultPolicy = DaemonConfig::DefaultPolicy::DenyIngress;
  expected.systemNamespaces = {"kube-system", "infra"};
  expected.established = DaemonConfig::Established::Keep;
  expected.apiServers = {"https://a", "https://b:1"};
  expected.insecureSkipTlsVerify = true;
  expected.cniConfDir = "/c";
  expected.cniBinDir = "/b";
  expected.mtu = 1400;
  expected.routing = Routing::Direct;
  expected.nodeIps = {*base::IpAddress::parse("192.0.2.1"), *base::IpAddress::parse("2001:db8::1")};
  expected.vxlanId = 9;
  expected.vxlanPort = 4789;
  expected.masquerade = false;
  expected.nonMasqueradeCidrs = {*base::Prefix::parse("10.0.0.0/8"),
                                 *base::Prefix::parse("fd00::/8")};
  expected.clusterCidrs = {*base::Prefix::parse("10.244.0.0/16")};
  expected.checkPodAddresses = false;
  expected.nodeCidrs = {*base::Prefix::parse("192.0.2.0/24"),
                        *base::Prefix::parse("2001:db8::/32")};
  EXPECT_EQ(
      read(
          "nodeName: n1\nsource: dir:/etc/kpol/manifests\nkubeconfig: /k\nsocket: /s\n"
          "stateDir: /d\nmetricsListen: '[::1]:1234'\nlogLevel: debug\nlogFormat: json\n"
          "podToNode: policy\nauditInterval: 1m30s\ncollectAfter: 10s\nmanageSysctls: false\n"
          "clearNetworkUnavailable: true\n"
          "metadataGuard: false\nmetadataAddresses: '169.254.169.254, fd00:ec2::254'\n"
          "defaultPolicy: deny-ingress\n"
          "systemNamespaces: kube-system, infra\n"
          "established: keep\n"
          "apiServers: https://a,https://b:1\ninsecureSkipTlsVerify: true\n"
          "cniConfDir: /c\ncniBinDir: /b\nmtu: 1400\nrouting: direct\nnodeIP: '192.0.2.1, 2001:db8::1'\n"
          "vxlanId: 9\nvxlanPort: 4789\nmasquerade: false\n"
          "nonMasqueradeCIDRs: 10.0.0.0/8, fd00::/8\nclusterCIDRs: 10.244.0.0/16\n"
          "nodeCIDRs: 192.0.2.0/24, 2001:db8::/32\ncheckPodAddresses: false\n"),
      expected);
}

TEST(DaemonConfig, EveryFieldCanBeSetByName) {
  EXPECT_EQ(fieldNames().size(), 32U);
  for (const auto name : fieldNames()) {
    DaemonConfig config;
    try {
      setField(config, name, "#");
    } catch (const ConfigError& error) {
      EXPECT_EQ(error.field(), name);
    }
  }
}

TEST(DaemonConfig, EmptyMetricsListenTurnsMetricsOff) {
  EXPECT_EQ(read("metricsListen: \"\"").metricsListen, std::nullopt);
  EXPECT_EQ(read("metricsListen:").metricsListen, std::nullopt);
}

TEST(DaemonConfig, CniConfDirDefaultDependsOnTheSource) {
  EXPECT_EQ(cniConfDirOf(read("")), "/etc/cni/net.d");
  EXPECT_EQ(cniConfDirOf(read("source: dir:/m")), "");
  EXPECT_EQ(cniConfDirOf(read("cniConfDir: ''")), "");
  EXPECT_EQ(cniConfDirOf(read("source: dir:/m\ncniConfDir: /c")), "/c");
}

TEST(DaemonConfig, RoutingDefaultDependsOnTheSource) {
  EXPECT_EQ(routingOf(read("")), Routing::Auto);
  EXPECT_EQ(routingOf(read("source: dir:/m")), Routing::None);
  for (const auto routing : {Routing::Auto, Routing::Direct, Routing::Vxlan, Routing::None})
    EXPECT_EQ(routingOf(read(std::string("source: dir:/m\nrouting: ") + toString(routing))),
              routing);
}

TEST(DaemonConfig, MasqueradeDefaultsToTrueWithRouting) {
  EXPECT_TRUE(masqueradeOf(read("")));
  EXPECT_FALSE(masqueradeOf(read("routing: none")));
  EXPECT_FALSE(masqueradeOf(read("masquerade: false")));
  EXPECT_TRUE(masqueradeOf(read("routing: none\nmasquerade: true")));
}

TEST(DaemonConfig, ErrorsNameTheField) {
  struct Case {
    const char* fields;
    const char* refusal;
  };
  const Case cases[] = {
      {"nodename: x", "nodename: unknown field"},
      {"socket: a.sock", "socket: must be an absolute path, not \"a.sock\""},
      {"socket: [a, b]", "socket: must be a single value"},
      {"socket: /a\nsocket: /b", "socket: given twice"},
      {"source: file:/x", "source: must be api or dir:PATH, not \"file:/x\""},
      {"source: 'dir:'", "source: must be api or dir:PATH, not \"dir:\""},
      {"logLevel: loud", "logLevel: must be trace, debug, info, warn or error, not \"loud\""},
      {"logFormat: xml", "logFormat: must be text or json, not \"xml\""},
      {"podToNode: deny", "podToNode: must be allow or policy, not \"deny\""},
      {"auditInterval: 5", "auditInterval: must be a duration such as 5m or 90s, not \"5\""},
      {"auditInterval: 10ms", "auditInterval: must be at least 1s, not \"10ms\""},
      {"collectAfter: soon", "collectAfter: must be a duration such as 1m or 90s, not \"soon\""},
      {"collectAfter: 0s", "collectAfter: must be at least 1s, not \"0s\""},
      {"manageSysctls: 1", "manageSysctls: must be true or false, not \"1\""},
      {"cniConfDir: net.d", "cniConfDir: must be an absolute path, not \"net.d\""},
      {"mtu: 1279", "mtu: must be 0 (computed) or 1280..65535, not \"1279\""},
      {"mtu: 65536", "mtu: must be 0 (computed) or 1280..65535, not \"65536\""},
      {"routing: bgp", "routing: must be auto, direct, vxlan or none, not \"bgp\""},
      {"nodeIP: 192.0.2.1,192.0.2.2",
       "nodeIP: must be an IP address, or one of each family, comma-separated, not "
       "\"192.0.2.1,192.0.2.2\""},
      {"vxlanId: 16777216", "vxlanId: must be 1..16777215, not \"16777216\""},
      {"nonMasqueradeCIDRs: 10.0.0.1/8",
       "nonMasqueradeCIDRs: must be comma-separated CIDRs such as 10.0.0.0/8, not \"10.0.0.1/8\""},
      {"vxlanPort: 0", "vxlanPort: must be 1..65535, not \"0\""},
      {"mtu: 1500x", "mtu: must be 0 (computed) or 1280..65535, not \"1500x\""},
      {"metricsListen: 9464",
       "metricsListen: must be ADDRESS:PORT (an IPv6 address in brackets) or empty, not \"9464\""},
  };
  for (const auto& c : cases) EXPECT_EQ(refusalOf(c.fields), c.refusal) << c.fields;
}

TEST(DaemonConfig, ListenAddressIsStrict) {
  for (const char* text : {"127.0.0.1", "127.0.0.1:", "127.0.0.1:0", "127.0.0.1:65536",
                           "127.0.0.1:80x", "[127.0.0.1]:80", "::1:80", "localhost:80", ":80"})
    EXPECT_NE(refusalOf(std::string("metricsListen: '") + text + "'"), "") << text;
}

TEST(DaemonConfig, SystemNamespacesAreNames) {
  EXPECT_TRUE(read("systemNamespaces: ''").systemNamespaces.empty());
  EXPECT_EQ(read("systemNamespaces: a").systemNamespaces, std::vector<std::string>{"a"});
  for (const char* text : {"a,,b", "a b", "A", "-a", ",", "a,", " "})
    EXPECT_NE(refusalOf(std::string("systemNamespaces: '") + text + "'"), "") << text;
}

TEST(DaemonConfig, HeaderIsRequired) {
  EXPECT_EQ(refusal("kind: KpoldConfiguration"), "apiVersion: is missing");
  EXPECT_EQ(refusal("apiVersion: kpol.io/v1alpha1"), "kind: is missing");
  EXPECT_EQ(refusal("apiVersion: v1\nkind: KpoldConfiguration"),
            "apiVersion: must be kpol.io/v1alpha1, not \"v1\"");
  EXPECT_EQ(refusal("apiVersion: kpol.io/v1alpha1\nkind: Pod"),
            "kind: must be KpoldConfiguration, not \"Pod\"");
}

TEST(DaemonConfig, OtherTextsAreRejected) {
  EXPECT_EQ(refusal(""), "the configuration must be a YAML mapping");
  EXPECT_EQ(refusal("- a"), "the configuration must be a YAML mapping");
  EXPECT_TRUE(refusal("a: [").starts_with("not valid YAML: ")) << refusal("a: [");
}

TEST(DaemonConfig, KubeconfigRequiresSourceApi) {
  DaemonConfig config;
  config.kubeconfig = "/k";
  EXPECT_NO_THROW(checkDaemonConfig(config));
  config.source = {Source::Kind::Directory, "/m"};
  EXPECT_THROW(checkDaemonConfig(config), ConfigError);
}

TEST(DaemonConfig, SourceAndListenAddressPrintAsTheyAreParsed) {
  for (const char* text : {"api", "dir:/m"})
    EXPECT_EQ(toString(read(std::string("source: ") + text).source), text);
  for (const char* text : {"127.0.0.1:9464", "[::1]:80"})
    EXPECT_EQ(toString(*read(std::string("metricsListen: '") + text + "'").metricsListen), text);
}

TEST(Duration, ParsesGoDurations) {
  struct Case {
    const char* text;
    std::optional<std::chrono::milliseconds> expected;
  };
  const Case cases[] = {
      {"0", 0ms},
      {"10s", 10s},
      {"500ms", 500ms},
      {"1m", 60s},
      {"1m30s", 90s},
      {"2h", 7200s},
      {"1.5s", 1500ms},
      {"1h0m0s", 3600s},
      {"", std::nullopt},
      {"10", std::nullopt},
      {"s", std::nullopt},
      {"-1s", std::nullopt},
      {"1d", std::nullopt},
      {"1s ", std::nullopt},
      {"1 s", std::nullopt},
      {"infs", std::nullopt},
      {"1001h", std::nullopt},
      {"1e3s", std::nullopt},
  };
  for (const auto& c : cases) EXPECT_EQ(parseDuration(c.text), c.expected) << c.text;
}

}  // namespace
}  // namespace kpol::conf
