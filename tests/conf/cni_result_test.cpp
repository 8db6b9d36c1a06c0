// SPDX-License-Identifier: Apache-2.0
#include "conf/cni_result.hpp"

#include "tests/conf/expect_config_error.hpp"
#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

namespace kpol::conf {
namespace {

using test::ip;
using test::prefix;

CniResult sampleResult() {
  return {{{"kpol0123456789a", "02:00:00:00:00:02", 1450, ""},
           {"eth0", "02:00:00:00:00:03", 1450, "/run/netns/x"}},
          {{ip("10.244.1.5"), 32, ip("169.254.1.1"), 1}, {ip("fd00::5"), 128, ip("fe80::1"), 1}},
          {{prefix("0.0.0.0/0"), ip("169.254.1.1")}, {prefix("::/0"), std::nullopt}},
          {{"10.96.0.10"}, "cluster.local", {"svc.cluster.local"}, {"ndots:5"}}};
}

// The parts that are the same in every version.
const std::string kDns =
    R"("dns":{"domain":"cluster.local","nameservers":["10.96.0.10"],"options":["ndots:5"],)"
    R"("search":["svc.cluster.local"]},)";
const std::string kInterfaces =
    R"("interfaces":[{"mac":"02:00:00:00:00:02","name":"kpol0123456789a"},)"
    R"({"mac":"02:00:00:00:00:03","name":"eth0","sandbox":"/run/netns/x"}],)";
const std::string kIpsWithVersion =
    R"("ips":[{"address":"10.244.1.5/32","gateway":"169.254.1.1","interface":1,"version":"4"},)"
    R"({"address":"fd00::5/128","gateway":"fe80::1","interface":1,"version":"6"}],)";
const std::string kIps =
    R"("ips":[{"address":"10.244.1.5/32","gateway":"169.254.1.1","interface":1},)"
    R"({"address":"fd00::5/128","gateway":"fe80::1","interface":1}],)";
const std::string kRoutes = R"("routes":[{"dst":"0.0.0.0/0","gw":"169.254.1.1"},{"dst":"::/0"}]})";

std::string head(CniVersion version) {
  return R"({"cniVersion":")" + std::string(toString(version)) + "\",";
}

TEST(CniResult, PrintsInTheFormatOfEachVersion) {
  for (const auto version : {CniVersion::V0_3_0, CniVersion::V0_3_1, CniVersion::V0_4_0})
    EXPECT_EQ(print(sampleResult(), version),
              head(version) + kDns + kInterfaces + kIpsWithVersion + kRoutes);
  EXPECT_EQ(print(sampleResult(), CniVersion::V1_0_0),
            head(CniVersion::V1_0_0) + kDns + kInterfaces + kIps + kRoutes);
  EXPECT_EQ(
      print(sampleResult(), CniVersion::V1_1_0),
      head(CniVersion::V1_1_0) + kDns +
          R"("interfaces":[{"mac":"02:00:00:00:00:02","mtu":1450,"name":"kpol0123456789a"},)"
          R"({"mac":"02:00:00:00:00:03","mtu":1450,"name":"eth0","sandbox":"/run/netns/x"}],)" +
          kIps + kRoutes);
}

TEST(CniResult, RoutesHaveMoreFieldsSince1_1) {
  const std::string routes =
      R"({"routes":[{"dst":"10.0.0.0/8","mtu":1400,"advmss":1360,"priority":50,"table":100,)"
      R"("scope":253}]})";
  const auto result = parseResult(routes, "result");
  ASSERT_EQ(result.routes.size(), 1U);
  EXPECT_EQ(result.routes.front(),
            (CniRoute{prefix("10.0.0.0/8"), std::nullopt, 1400, 1360, 50, 100, 253}));
  EXPECT_NE(print(result, CniVersion::V1_1_0)
                .find(R"("advmss":1360,"dst":"10.0.0.0/8","mtu":1400,"priority":50,"scope":253,)"
                      R"("table":100)"),
            std::string::npos);
  EXPECT_NE(print(result, CniVersion::V1_0_0).find(R"("routes":[{"dst":"10.0.0.0/8"}])"),
            std::string::npos);
  EXPECT_EQ(test::configErrorOf([] {
              parseResult(R"({"routes":[{"dst":"10.0.0.0/8","scope":256}]})", "result");
            }).first,
            "result.routes[0].scope");
}

TEST(CniResult, OmitsUnknownFields) {
  EXPECT_EQ(print(CniResult{}, CniVersion::V1_0_0),
            R"({"cniVersion":"1.0.0","dns":{},"interfaces":[],"ips":[],"routes":[]})");
}

TEST(CniResult, ReadsBackWhatItPrints) {
  auto withoutMtu = sampleResult();
  for (auto& interface : withoutMtu.interfaces) interface.mtu = 0;
  for (const auto version : kCniVersions)
    EXPECT_EQ(parseResult(print(sampleResult(), version), "result"),
              version == CniVersion::V1_1_0 ? sampleResult() : withoutMtu)
        << toString(version);
}

TEST(CniResult, IpamResultHasNoInterfaces) {
  const CniResult expected{{}, {{ip("10.1.2.3"), 24, ip("10.1.2.1"), std::nullopt}}, {}, {}};
  EXPECT_EQ(parseResult(R"({"cniVersion":"0.4.0","dns":{},
                            "ips":[{"version":"4","address":"10.1.2.3/24","gateway":"10.1.2.1",
                                    "interface":0}]})",
                        "result"),
            expected);
}

TEST(CniResult, ErrorsNameTheField) {
  struct Case {
    const char* json;
    const char* field;
  };
  for (const auto& [json, field] : {
           Case{"{", ""},
           Case{"[]", "result"},
           Case{R"({"interfaces":{}})", "result.interfaces"},
           Case{R"({"interfaces":[1]})", "result.interfaces[0]"},
           Case{R"({"interfaces":[{}]})", "result.interfaces[0].name"},
           Case{R"({"interfaces":[{"name":"a","mac":1}]})", "result.interfaces[0].mac"},
           Case{R"({"interfaces":[{"name":"a","mtu":-1}]})", "result.interfaces[0].mtu"},
           Case{R"({"interfaces":[{"name":"a","sandbox":1}]})", "result.interfaces[0].sandbox"},
           Case{R"({"ips":[{}]})", "result.ips[0].address"},
           Case{R"({"ips":[{"address":"10.0.0.1"}]})", "result.ips[0].address"},
           Case{R"({"ips":[{"address":"10.0.0.1/33"}]})", "result.ips[0].address"},
           Case{R"({"ips":[{"address":"10.0.0.1/8x"}]})", "result.ips[0].address"},
           Case{R"({"ips":[{"address":"10.0.0.1/-1"}]})", "result.ips[0].address"},
           Case{R"({"ips":[{"address":"10.0.0.1/8","gateway":"x"}]})", "result.ips[0].gateway"},
           Case{R"({"interfaces":[{"name":"a"}],"ips":[{"address":"10.0.0.1/8","interface":1}]})",
                "result.ips[0].interface"},
           Case{R"({"routes":[{"dst":"x"}]})", "result.routes[0].dst"},
           Case{R"({"routes":[{"dst":"10.0.0.0/8","gw":1}]})", "result.routes[0].gw"},
           Case{R"({"dns":[]})", "result.dns"},
           Case{R"({"dns":{"nameservers":[1]}})", "result.dns.nameservers[0]"},
       })
    EXPECT_EQ(test::configErrorOf([&] { (void)parseResult(json, "result"); }).first, field) << json;
}

TEST(CniResult, PassThroughKeepsUnknownFields) {
  EXPECT_EQ(passThrough(R"({"cniVersion":"0.4.0","ips":[{"x":1}],"later":{"y":[2]}})",
                        CniVersion::V1_0_0),
            R"({"cniVersion":"1.0.0","ips":[{"x":1}],"later":{"y":[2]}})");
}

}  // namespace
}  // namespace kpol::conf
