// SPDX-License-Identifier: Apache-2.0
// How decodeObject handles objects from the API server that these rules would reject: it keeps
// everything valid, and never allows more traffic than the object does.
#include "policy/objects.hpp"
#include "tests/kube/faults.hpp"

#include <gtest/gtest.h>

namespace kpol::kube::testing {
namespace {

using policy::Direction;
using policy::NetworkPolicy;
using policy::Pod;
using policy::PolicyPort;
using policy::PolicyRule;
using Lines = std::vector<std::string>;

const PolicyRule kNothing{{}, {PolicyPort{std::nullopt, std::monostate{}}}};
const PolicyRule kEverything;

struct StoredPolicy {
  NetworkPolicy policy;
  std::size_t faults;
};
StoredPolicy stored(const std::string& spec) {
  const auto decoded =
      decodeStored(Kind::NetworkPolicy, "metadata: {name: p, namespace: shop}\nspec: " + spec);
  return {std::get<NetworkPolicy>(decoded.object), decoded.faults.size()};
}

TEST(DecodeStored, NeedsNoKindOrApiVersion) {
  const auto result = decodeObject(Kind::Pod, R"({"metadata":{"name":"web","namespace":"shop"}})",
                                   Origin::ApiServer);
  EXPECT_EQ(lines(result.diagnostics), Lines{});
  ASSERT_TRUE(result.object);
  EXPECT_EQ(idOf(*result.object), (ObjectId{Kind::Pod, {"shop", "web"}}));
}

TEST(DecodeStored, InvalidRuleMatchesNothing) {
  for (const char* rule :
       {"{from: [{}]}", "{from: [{newKindOfPeer: {}}]}", "{from: {}}", "{from: [null]}", "[]",
        "{from: [{podSelector: {}}, {ipBlock: {cidr: x}}]}", "{ports: [{port: 0}]}",
        "{ports: [{port: 80, endPort: 70}]}", "{ports: [null]}",
        "{from: [{ipBlock: {cidr: 10.0.0.0/8, except: [x]}}]}",
        "{from: [{podSelector: {matchExpressions: [{key: a, operator: Gt, values: ['1']}]}}]}"}) {
    const auto result = stored("{ingress: [" + std::string(rule) + ", {}]}");
    EXPECT_EQ(result.policy.ingress, (std::vector{kNothing, kEverything})) << rule;
    EXPECT_GE(result.faults, 1U) << rule;
  }
}

// A misspelt restriction, or one of a newer API: without it, the rule would allow more.
TEST(DecodeStored, ARuleWithAnUnknownFieldMatchesNothing) {
  for (const char* rule :
       {"{form: [{podSelector: {}}]}", "{from: [{podSelector: {}, serviceAccount: a}]}",
        "{from: [{podSelector: {matchLabel: {a: b}}}]}",
        "{from: [{namespaceSelector: {matchExpressions: [{key: a, operator: Exists, vals: []}]}}]}",
        "{from: [{ipBlock: {cidr: 10.0.0.0/8, excepts: [10.1.0.0/16]}}]}",
        "{ports: [{port: 80, endport: 90}]}"}) {
    const auto result = stored("{ingress: [" + std::string(rule) + ", {}]}");
    EXPECT_EQ(result.policy.ingress, (std::vector{kNothing, kEverything})) << rule;
    EXPECT_EQ(result.faults, 1U) << rule;
  }
  const auto result = stored("{newField: 1, podSelector: {matchLabel: {a: b}}, ingress: [{}]}");
  EXPECT_EQ(result.policy.ingress, std::vector{kEverything}) << "not inside a rule";
}

TEST(DecodeStored, InvalidEgressListStillIsolates) {
  for (const char* list : {"{}", "[null]", "web"}) {
    const auto result = stored("{egress: " + std::string(list) + "}");
    EXPECT_EQ(result.policy.egress, std::vector{kNothing}) << list;
    EXPECT_TRUE(isolates(result.policy, Direction::Egress)) << list;
  }
}

TEST(DecodeStored, AnUnknownProtocolMatchesNothingAndItsRuleStays) {
  const auto result = stored("{ingress: [{ports: [{protocol: QUIC, port: 1}, {port: 2}]}]}");
  EXPECT_EQ(result.policy.ingress,
            (std::vector<PolicyRule>{{{},
                                      {{std::nullopt, *base::PortRange::single(1)},
                                       {base::Protocol::Tcp, *base::PortRange::single(2)}}}}));
  EXPECT_EQ(result.faults, 1U);
}

TEST(DecodeStored, InvalidPolicyTypesIsolateBothDirections) {
  for (const char* types : {"[Ingress, Forward]", "Ingress", "[1]"}) {
    const auto result = stored("{policyTypes: " + std::string(types) + "}");
    EXPECT_TRUE(isolates(result.policy, Direction::Ingress)) << types;
    EXPECT_TRUE(isolates(result.policy, Direction::Egress)) << types;
    EXPECT_GE(result.faults, 1U) << types;
  }
  EXPECT_TRUE(isolates(stored("web").policy, Direction::Egress));
}

TEST(DecodeStored, InvalidPodSelectorSelectsTheNamespace) {
  const auto result =
      stored("{podSelector: {matchLabels: {a: b}, matchExpressions: [{key: a, operator: Gt}]}}");
  EXPECT_EQ(result.policy.podSelector, policy::LabelSelector{});
  EXPECT_EQ(result.faults, 1U);
}

TEST(DecodeStored, ValidationOfTheServerIsOnlyAWarning) {
  const auto decoded = decodeStored(Kind::NetworkPolicy, R"(
metadata: {name: P_1, namespace: shop}
spec: {podSelector: {matchLabels: {a: -b-}}}
)");
  EXPECT_EQ(std::get<NetworkPolicy>(decoded.object).podSelector,
            (policy::LabelSelector{labels({{"a", "-b-"}}), {}}));
  ASSERT_EQ(decoded.faults.size(), 2U);
  for (const auto& fault : decoded.faults) EXPECT_TRUE(fault.starts_with("warning ")) << fault;
}

TEST(DecodeStored, ValidPartsOfAPodAreKept) {
  const auto decoded = decodeStored(Kind::Pod, R"(
metadata: {name: web, namespace: shop, labels: {app: web}}
spec: {containers: [{ports: [{containerPort: 80}, {containerPort: 0}, {containerPort: 1, protocol: X}]}]}
status: {phase: Dreaming, podIPs: [{ip: x}, {ip: 10.0.0.1}]}
)");
  EXPECT_EQ(std::get<Pod>(decoded.object), (Pod{{"shop", "web"},
                                                "",
                                                "",
                                                false,
                                                policy::PodPhase::Unknown,
                                                labels({{"app", "web"}}),
                                                {*base::IpAddress::parse("10.0.0.1")},
                                                {{"", base::Protocol::Tcp, 80}}}));
  EXPECT_EQ(decoded.faults.size(), 4U);
}

TEST(DecodeStored, WithoutANameThereIsNoObject) {
  const auto fault = [](std::string_view json) {
    const auto result = decodeObject(Kind::Pod, json, Origin::ApiServer);
    EXPECT_FALSE(result.object) << json;
    return lines(result.diagnostics);
  };
  EXPECT_EQ(fault(R"({"metadata":{}})"), (Lines{"error metadata.name: is required in a Pod"}));
  EXPECT_EQ(fault("[]"), (Lines{"error must be an object, found a list"}));
  EXPECT_EQ(fault("null"), (Lines{"error must be an object, found null"}));
  EXPECT_EQ(fault("  "), (Lines{"error no JSON value"}));
  EXPECT_EQ(fault("{} {}"), (Lines{"error more text after the JSON value"}));
  EXPECT_EQ(fault("{\"metadata\":"),
            (Lines{"error line 1: not JSON: syntax error while parsing value - unexpected end of "
                   "input, at \"\"metadata\":\""}));
}

TEST(DecodeStored, ManifestWithTheSameErrorIsRejected) {
  const auto result = decodeObject(
      Kind::Pod, R"({"metadata":{"name":"web"},"status":{"podIP":"x"}})", Origin::Manifest);
  EXPECT_FALSE(result.object);
  EXPECT_EQ(lines(result.diagnostics),
            (Lines{"error Pod default/web: status.podIP: must be an IP address, found \"x\""}));
}

}  // namespace
}  // namespace kpol::kube::testing
