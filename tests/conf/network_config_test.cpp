// SPDX-License-Identifier: Apache-2.0
#include "conf/network_config.hpp"

#include "tests/conf/expect_config_error.hpp"
#include "tests/support/addresses.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kpol::conf {
namespace {

using test::ip;

NetworkConfig minimal() {
  NetworkConfig config;
  config.version = CniVersion::V1_0_0;
  config.name = "kpol";
  return config;
}

// A config with these fields beside the required ones.
NetworkConfig parseWith(const std::string& fields) {
  return parseNetworkConfig(R"({"cniVersion":"1.0.0","name":"kpol")" +
                            (fields.empty() ? "" : "," + fields) + "}");
}

TEST(NetworkConfig, HasTheDocumentedDefaults) {
  const auto config = parseWith("");
  EXPECT_EQ(config, minimal());
  EXPECT_EQ(config.stateDir, "/var/lib/kpol");
  EXPECT_EQ(config.socket, "/run/kpol/kpold.sock");
  EXPECT_EQ(config.policy, PolicyMode::Required);
  EXPECT_EQ(config.policyTimeout, std::chrono::seconds(30));
  EXPECT_EQ(config.mtu, 0U);
}

TEST(NetworkConfig, ParsesAllFields) {
  const auto config = parseNetworkConfig(R"({
      "cniVersion":"1.1.0","cniVersions":["0.4.0","1.0.0","1.1.0"],"name":"pods.v4-v6_1",
      "type":"kpol","mtu":1450,"unknown":{"a":[1]},
      "ipam":{"type":"kpol","ranges":[["10.244.1.0/24"]],"unknown":1},
      "stateDir":"/tmp/s","socket":"/tmp/k.sock","policy":"none","policyTimeout":5,
      "dns":{"nameservers":["10.96.0.10"],"domain":"d","search":["s"],"options":["o"]},
      "runtimeConfig":{"ips":["10.244.1.9/24","fd00::9"],"portMappings":[]},
      "prevResult":{"cniVersion":"1.1.0","ips":[{"address":"10.0.0.1/32"}],"later":1},
      "cni.dev/valid-attachments":[{"containerID":"c","ifname":"eth0"}]})");
  NetworkConfig expected;
  expected.version = CniVersion::V1_1_0;
  expected.name = "pods.v4-v6_1";
  expected.mtu = 1450;
  expected.ipam = {"kpol",
                   {{{base::Prefix::parse("10.244.1.0/24").value(), ip("10.244.1.1"),
                      ip("10.244.1.254"), std::nullopt}}}};
  expected.stateDir = "/tmp/s";
  expected.socket = "/tmp/k.sock";
  expected.policy = PolicyMode::None;
  expected.policyTimeout = std::chrono::seconds(5);
  expected.dns = {{"10.96.0.10"}, "d", {"s"}, {"o"}};
  expected.requestedIps = {ip("10.244.1.9"), ip("fd00::9")};
  expected.prevResult =
      PrevResult{{{}, {{ip("10.0.0.1"), 32, std::nullopt, std::nullopt}}, {}, {}},
                 R"({"cniVersion":"1.1.0","ips":[{"address":"10.0.0.1/32"}],"later":1})"};
  expected.validAttachments = {{{"c", "eth0"}}};
  EXPECT_EQ(config, expected);
}

TEST(NetworkConfig, TakesRequestedIpsFromArgsToo) {
  EXPECT_EQ(parseWith(R"("args":{"cni":{"ips":["10.244.1.9/24"],"x":1},"y":2},)"
                      R"("runtimeConfig":{"ips":["fd00::9"]})")
                .requestedIps,
            (std::vector{ip("fd00::9"), ip("10.244.1.9")}));
  EXPECT_TRUE(parseWith(R"("args":{"cni":{},"ips":["10.244.1.9"]})").requestedIps.empty());
}

TEST(NetworkConfig, NullMeansAbsent) {
  EXPECT_EQ(parseWith(R"("mtu":null,"ipam":null,"prevResult":null,"dns":null,"policy":null,
                         "runtimeConfig":null)"),
            minimal());
}

TEST(NetworkConfig, IgnoresFieldsOfOtherIpamPlugins) {
  auto expected = minimal();
  expected.ipam.type = "host-local";
  EXPECT_EQ(parseWith(R"("ipam":{"type":"host-local","ranges":[[{"subnet":"x"}]]})"), expected);
}

TEST(NetworkConfig, DistinguishesEmptyFromAbsentValidAttachments) {
  EXPECT_EQ(parseWith("").validAttachments, std::nullopt);
  EXPECT_EQ(parseWith(R"("cni.dev/valid-attachments":[])").validAttachments,
            std::vector<AttachmentId>{});
  EXPECT_EQ(
      parseWith(R"("cni.dev/attachments":[{"containerID":"c","ifname":"e"}])").validAttachments,
      (std::vector<AttachmentId>{{"c", "e"}}));
}

TEST(NetworkConfig, ErrorsNameTheField) {
  struct Case {
    const char* fields;
    const char* field;
  };
  for (const auto& [fields, field] : {
           Case{R"("name":"")", "name"},
           Case{R"("name":7)", "name"},
           Case{R"("name":"-a")", "name"},
           Case{R"("name":"a/b")", "name"},
           Case{R"("cniVersion":1)", "cniVersion"},
           Case{R"("mtu":"1450")", "mtu"},
           Case{R"("mtu":1450.5)", "mtu"},
           Case{R"("mtu":67)", "mtu"},
           Case{R"("mtu":65536)", "mtu"},
           Case{R"("mtu":18446744073709551615)", "mtu"},
           Case{R"("mtu":true)", "mtu"},
           Case{R"("ipam":"host-local")", "ipam"},
           Case{R"("ipam":{"type":1})", "ipam.type"},
           Case{R"("ipam":{"type":"../host-local"})", "ipam.type"},
           Case{R"("ipam":{"type":"kpol"})", "ipam.ranges"},
           Case{R"("stateDir":1)", "stateDir"},
           Case{R"("stateDir":"var")", "stateDir"},
           Case{R"("socket":"")", "socket"},
           Case{R"("socket":[])", "socket"},
           Case{R"("policy":"maybe")", "policy"},
           Case{R"("policy":true)", "policy"},
           Case{R"("policyTimeout":0)", "policyTimeout"},
           Case{R"("policyTimeout":"30s")", "policyTimeout"},
           Case{R"("dns":[])", "dns"},
           Case{R"("dns":{"search":"x"})", "dns.search"},
           Case{R"("runtimeConfig":[])", "runtimeConfig"},
           Case{R"("runtimeConfig":{"ips":"10.0.0.1"})", "runtimeConfig.ips"},
           Case{R"("runtimeConfig":{"ips":["10.0.0.1","x"]})", "runtimeConfig.ips[1]"},
           Case{R"("args":{"cni":{"ips":["x"]}})", "args.cni.ips[0]"},
           Case{R"("prevResult":"x")", "prevResult"},
           Case{R"("prevResult":{"ips":[{"address":1}]})", "prevResult.ips[0].address"},
           Case{R"("cni.dev/valid-attachments":{})", "cni.dev/valid-attachments"},
           Case{R"("cni.dev/valid-attachments":[{"ifname":"e"}])",
                "cni.dev/valid-attachments[0].containerID"},
           Case{R"("cni.dev/valid-attachments":[{"containerID":"c"}])",
                "cni.dev/valid-attachments[0].ifname"},
       }) {
    const auto [found, message] = test::configErrorOf([&] { (void)parseWith(fields); });
    EXPECT_EQ(found, field) << fields;
    EXPECT_THAT(message, testing::StartsWith(std::string(field) + ": ")) << fields;
  }
}

TEST(NetworkConfig, TextsHaveBounds) {
  const std::string name(255, 'n');
  const std::string path = "/" + std::string(4095, 'p');
  EXPECT_EQ(parseWith("\"name\":\"" + name + '"').name, name);
  EXPECT_EQ(parseWith("\"stateDir\":\"" + path + '"').stateDir, path);
  const auto errorOf = [](const std::string& fields) {
    return test::configErrorOf([&] { (void)parseWith(fields); }).second;
  };
  EXPECT_EQ(errorOf("\"name\":\"" + name + "n\""), "name: must have at most 255 bytes, not 256");
  EXPECT_EQ(errorOf("\"stateDir\":\"" + path + "p\""),
            "stateDir: must have at most 4096 bytes, not 4097");
  const std::string large(1 << 20, 'x');
  for (const char* field : {"name", "socket", "policy", "cniVersion"})
    EXPECT_EQ(errorOf('"' + std::string(field) + "\":\"" + large + '"'),
              std::string(field) + ": must have at most 4096 bytes, not 1048576");
  EXPECT_EQ(errorOf("\"dns\":{\"search\":[\"" + large + "\"]}"),
            "dns.search[0]: must have at most 4096 bytes, not 1048576");
}

TEST(NetworkConfig, ErrorsNameTheExpectedType) {
  EXPECT_EQ(test::configErrorOf([] { (void)parseWith(R"("mtu":"1450")"); }).second,
            "mtu: must be an integer from 68 to 65535, not \"1450\"");
  EXPECT_EQ(test::configErrorOf([] { (void)parseWith(R"("policy":["none"])"); }).second,
            "policy: must be a string, not array");
}

TEST(NetworkConfig, NonObjectIsRejectedWithoutAField) {
  for (const char* text : {"", "{", "[]", "null", "\"x\"", "{\"name\":\"\xff\"}"})
    EXPECT_EQ(test::configErrorOf([&] { (void)parseNetworkConfig(text); }).first, "") << text;
}

TEST(NetworkConfig, RejectsUnsupportedVersions) {
  EXPECT_THROW((void)parseNetworkConfig(R"({"name":"n"})"), IncompatibleVersion);
  EXPECT_THROW((void)parseNetworkConfig(R"({"cniVersion":"2.0.0","name":"n"})"),
               IncompatibleVersion);
}

TEST(NetworkConfig, ReadsTheRequestedMacAddress) {
  const auto mac = [](const std::string& value) {
    return parseWith(R"("runtimeConfig":{"mac":")" + value + "\"}").mac;
  };
  EXPECT_EQ(mac("02:00:00:00:00:01"), base::MacAddress::parse("02:00:00:00:00:01"));
  EXPECT_EQ(mac(""), std::nullopt);
  for (const char* wrong : {"x", "03:00:00:00:00:01", "00:00:00:00:00:00"})
    EXPECT_EQ(test::configErrorOf([&] { mac(wrong); }).first, "runtimeConfig.mac") << wrong;
}

NetworkConfig parseMappings(const std::string& mappings) {
  return parseWith(R"("runtimeConfig":{"portMappings":)" + mappings + "}");
}

TEST(NetworkConfig, ReadsPortMappings) {
  using base::Protocol;
  const auto config = parseMappings(
      R"([{"hostPort":8080,"containerPort":80,"protocol":"tcp","hostIP":""},
          {"hostPort":53,"containerPort":5353,"protocol":"UDP","hostIP":"192.0.2.1"},
          {"hostPort":99,"containerPort":98,"protocol":"sctp","hostIP":"::"},
          {"hostPort":8080,"containerPort":80},{"hostPort":7,"containerPort":7,"later":1}])");
  const std::vector<base::HostPort> expected{{Protocol::Tcp, 7, {}, 7},
                                             {Protocol::Tcp, 8080, {}, 80},
                                             {Protocol::Udp, 53, ip("192.0.2.1"), 5353},
                                             {Protocol::Sctp, 99, ip("::"), 98}};
  EXPECT_EQ(config.hostPorts, expected);
}

// containerd before 1.7 writes these by the names its own fields have, and readers written in Go
// take names in any case.
TEST(NetworkConfig, ReadsContainerdsPortMappings) {
  const auto config = parseWith(
      R"("runtimeConfig":{
         "bandwidth":{"IngressRate":10000000,"IngressBurst":4294967295,"EgressRate":0,"EgressBurst":0},
         "portMappings":[{"HostPort":18089,"ContainerPort":8080,"Protocol":"tcp",
                          "HostIP":"192.0.2.1"}]})");
  const std::vector<base::HostPort> expected{{base::Protocol::Tcp, 18089, ip("192.0.2.1"), 8080}};
  EXPECT_EQ(config.hostPorts, expected);
  EXPECT_EQ(config.bandwidth, (Bandwidth{RateLimit{10000000, 4294967295}, {}}));
}

TEST(NetworkConfig, ExactNameTakesPrecedence) {
  EXPECT_EQ(parseWith(R"("MTU":1000,"mtu":1400)").mtu, 1400U);
  EXPECT_EQ(parseWith(R"("MTU":1000,"mtu":null)").mtu, 0U);
  EXPECT_EQ(parseWith(R"("MTU":1000)").mtu, 1000U);
}

TEST(NetworkConfig, PortMappingErrorsNameTheField) {
  const auto refuses = [](const std::string& mapping, const std::string& field) {
    EXPECT_EQ(test::configErrorOf([&] { parseMappings("[" + mapping + "]"); }).first,
              "runtimeConfig.portMappings[0]" + field);
  };
  refuses(R"({"containerPort":80})", ".hostPort");
  refuses(R"({"hostPort":80})", ".containerPort");
  refuses(R"({"hostPort":0,"containerPort":80})", ".hostPort");
  refuses(R"({"hostPort":80,"containerPort":65536})", ".containerPort");
  refuses(R"({"hostPort":"80","containerPort":80})", ".hostPort");
  refuses(R"({"hostPort":80,"containerPort":80,"protocol":"icmp"})", ".protocol");
  refuses(R"({"hostPort":80,"containerPort":80,"hostIP":"nowhere"})", ".hostIP");
  refuses(R"({"hostPort":80,"containerPort":80,"hostIP":"::1"})", ".hostIP");
  const auto twice = test::configErrorOf([] {
    parseMappings(R"([{"hostPort":8,"containerPort":80},{"hostPort":8,"containerPort":81}])");
  });
  EXPECT_EQ(twice.first, "runtimeConfig.portMappings[1]");
}

NetworkConfig parseBandwidth(const std::string& bandwidth) {
  return parseWith(R"("runtimeConfig":{"bandwidth":)" + bandwidth + "}");
}

TEST(NetworkConfig, ReadsBandwidth) {
  EXPECT_EQ(parseBandwidth("{}").bandwidth, Bandwidth{});
  EXPECT_EQ(parseBandwidth("null").bandwidth, Bandwidth{});
  EXPECT_EQ(parseBandwidth(R"({"ingressRate":0,"ingressBurst":0,"later":1})").bandwidth,
            Bandwidth{});
  EXPECT_EQ(parseBandwidth(R"({"ingressRate":1000,"ingressBurst":4294967295})").bandwidth,
            (Bandwidth{RateLimit{1000, 4294967295}, {}}));
  EXPECT_EQ(parseBandwidth(R"({"ingressRate":8,"ingressBurst":1,
                               "egressRate":1000000000000000,"egressBurst":34359738359})")
                .bandwidth,
            (Bandwidth{RateLimit{8, 1}, RateLimit{1000000000000000, 34359738359}}));
}

TEST(NetworkConfig, BandwidthErrorsNameTheField) {
  const auto refuses = [](const std::string& bandwidth, const std::string& field) {
    EXPECT_EQ(test::configErrorOf([&] { parseBandwidth(bandwidth); }).first,
              "runtimeConfig.bandwidth" + field)
        << bandwidth;
  };
  refuses("[]", "");
  refuses(R"({"ingressRate":1000})", ".ingressBurst");
  refuses(R"({"egressRate":1000,"egressBurst":0})", ".egressBurst");
  refuses(R"({"egressBurst":1000})", ".egressRate");
  refuses(R"({"ingressRate":7,"ingressBurst":1})", ".ingressRate");
  refuses(R"({"ingressRate":-1,"ingressBurst":1})", ".ingressRate");
  refuses(R"({"ingressRate":"1M","ingressBurst":1})", ".ingressRate");
  refuses(R"({"ingressRate":18446744073709551615,"ingressBurst":1})", ".ingressRate");
  refuses(R"({"ingressRate":1000,"ingressBurst":34359738360})", ".ingressBurst");
}

TEST(NetworkConfig, OutOfRangeNumbersAreRejected) {
  const auto [field, message] = test::configErrorOf(
      [] { (void)parseNetworkConfig("{\"x\":1" + std::string(400, '0') + "}"); });
  EXPECT_EQ(field, "");
  EXPECT_THAT(message, testing::StartsWith("network config is not JSON: "));
}

TEST(NetworkConfig, TooDeepNestingIsRejected) {
  for (const auto* brackets : {"[]", "{}"}) {
    std::string text = R"({"name":"n","x":)";
    for (int i = 0; i < 100000; ++i) text += brackets[0] == '[' ? "[" : "{\"a\":";
    EXPECT_EQ(test::configErrorOf([&] { (void)parseNetworkConfig(text); }).second,
              "network config is nested deeper than 100 levels");
  }
}

}  // namespace
}  // namespace kpol::conf
