// SPDX-License-Identifier: Apache-2.0
#include "policy/objects.hpp"
#include "tests/kube/faults.hpp"
#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

namespace kpol::kube::testing {
namespace {

using policy::Direction;
using policy::IpBlock;
using policy::LabelSelector;
using policy::NetworkPolicy;
using policy::Peer;
using policy::PolicyPort;
using policy::PolicyRule;
using Lines = std::vector<std::string>;
using Operator = policy::LabelRequirement::Operator;
using test::prefix;

constexpr std::string_view kHead =
    "apiVersion: networking.k8s.io/v1\n"
    "kind: NetworkPolicy\n"
    "metadata: {name: p, namespace: shop}\n";

NetworkPolicy policyOf(const std::string& spec) {
  return read<NetworkPolicy>(std::string(kHead) + "spec: " + spec);
}

NetworkPolicy ingressPolicy(std::vector<PolicyRule> rules) {
  return {{"shop", "p"}, {}, {}, std::move(rules), {}};
}

base::PortRange ports(int first, int last) {
  return *base::PortRange::make(first, last);
}

// Each error must be the only one, and must not contain the object's name.
void checkFault(const std::string& spec, const std::string& expected) {
  EXPECT_EQ(faultsOf(std::string(kHead) + "spec: " + spec),
            (Lines{"error NetworkPolicy shop/p: " + expected}))
      << spec;
}

void checkPortFault(const std::string& port, const std::string& expected) {
  checkFault("{ingress: [{}, {ports: [{port: 1}, " + port + "]}]}",
             "spec.ingress[1].ports[1]" + expected);
}

void checkPeerFault(const std::string& peer, const std::string& expected) {
  checkFault("{egress: [{to: [" + peer + "]}]}", "spec.egress[0].to[0]" + expected);
}

TEST(DecodeNetworkPolicy, EveryField) {
  const NetworkPolicy expected{
      {"shop", "p"},
      {labels({{"app", "web"}}),
       {{"tier", Operator::NotIn, {"a", "b"}}, {"x", Operator::Exists, {}}}},
      {Direction::Egress, Direction::Ingress},
      {{{{LabelSelector{labels({{"role", "client"}}), {}}, LabelSelector{}, std::nullopt},
         {std::nullopt, std::nullopt,
          IpBlock{prefix("10.0.0.0/8"), {prefix("10.1.0.0/16"), prefix("10.2.0.0/16")}}}},
        {{base::Protocol::Udp, ports(53, 53)},
         {base::Protocol::Tcp, ports(8000, 9000)},
         {base::Protocol::Sctp, "http"}}}},
      {{{}, {{base::Protocol::Sctp, std::monostate{}}}}}};
  EXPECT_EQ(policyOf(R"(
  podSelector:
    matchLabels: {app: web}
    matchExpressions:
    - {key: tier, operator: NotIn, values: [b, a, b]}
    - {key: x, operator: Exists}
  policyTypes: [Egress, Ingress]
  ingress:
  - from:
    - podSelector: {matchLabels: {role: client}}
      namespaceSelector: {}
    - ipBlock: {cidr: 10.0.0.0/8, except: [10.2.0.0/16, 10.1.0.0/16]}
    ports:
    - {protocol: UDP, port: 53}
    - {port: 8000, endPort: 9000}
    - {protocol: SCTP, port: http}
  egress:
  - ports: [{protocol: SCTP}]
)"),
            expected);
}

TEST(DecodeNetworkPolicy, AbsentAndNullAreTheSame) {
  const NetworkPolicy empty{{"shop", "p"}, {}, {}, {}, {}};
  for (const char* spec :
       {"{}", "null", "{podSelector: {}}", "{podSelector: null, policyTypes: null, ingress: null}",
        "{podSelector: {matchLabels: {}, matchExpressions: []}, policyTypes: [], egress: []}"}) {
    EXPECT_EQ(policyOf(spec), empty) << spec;
  }
  EXPECT_EQ(read<NetworkPolicy>(kHead), empty);
}

TEST(DecodeNetworkPolicy, EmptyRulesAreKept) {
  const NetworkPolicy everything = ingressPolicy({PolicyRule{}});
  for (const char* rule : {"{}", "{from: []}", "{ports: []}", "{from: null, ports: null}"}) {
    EXPECT_EQ(policyOf("{ingress: [" + std::string(rule) + "]}"), everything) << rule;
  }
}

TEST(DecodeNetworkPolicy, AnEmptySelectorIsNotAnAbsentOne) {
  const auto peer = [](const std::string& text) {
    return policyOf("{ingress: [{from: [" + text + "]}]}").ingress.at(0).peers.at(0);
  };
  const LabelSelector all;
  EXPECT_EQ(peer("{podSelector: {}}"), (Peer{all, std::nullopt, std::nullopt}));
  EXPECT_EQ(peer("{namespaceSelector: {}}"), (Peer{std::nullopt, all, std::nullopt}));
  EXPECT_EQ(peer("{namespaceSelector: {}, podSelector: null}"),
            (Peer{std::nullopt, all, std::nullopt}));
  EXPECT_EQ(peer("{namespaceSelector: {}, podSelector: {}}"), (Peer{all, all, std::nullopt}));
}

TEST(DecodeNetworkPolicy, PortsDefaultToTcpAndEveryPort) {
  const auto port = [](const std::string& text) {
    return policyOf("{ingress: [{ports: [" + text + "]}]}").ingress.at(0).ports.at(0);
  };
  using enum base::Protocol;
  EXPECT_EQ(port("{}"), (PolicyPort{Tcp, std::monostate{}}));
  EXPECT_EQ(port("{protocol: UDP}"), (PolicyPort{Udp, std::monostate{}}));
  EXPECT_EQ(port("{port: 80}"), (PolicyPort{Tcp, ports(80, 80)}));
  EXPECT_EQ(port("{port: 1, endPort: 65535}"), (PolicyPort{Tcp, ports(1, 65535)}));
  EXPECT_EQ(port("{port: 80, endPort: 80}"), (PolicyPort{Tcp, ports(80, 80)}));
  EXPECT_EQ(port("{port: http, protocol: UDP}"), (PolicyPort{Udp, "http"}));
}

TEST(DecodeNetworkPolicy, PortFaults) {
  checkPortFault("{port: 0}", ".port: must be 1..65535, found the number 0");
  checkPortFault("{port: 65536}", ".port: must be 1..65535, found the number 65536");
  checkPortFault("{port: -1}", ".port: must be 1..65535, found the number -1");
  checkPortFault("{port: 99999999999999999999}",
                 ".port: must be an integer, found the number 1e+20");
  checkPortFault("{port: 80.5}", ".port: must be an integer, found the number 80.5");
  checkPortFault("{port: true}", ".port: must be an integer, found true");
  checkPortFault("{port: [80]}", ".port: must be an integer, found a list");
  checkPortFault("{port: 2, endPort: 1}",
                 ".endPort: must not be less than port, found the number 1 after the number 2");
  checkPortFault("{port: 1, endPort: 65536}", ".endPort: must be 1..65535, found the number 65536");
  checkPortFault("{endPort: 80}", ".endPort: must not be set without port");
  checkPortFault("{port: http, endPort: 80}", ".endPort: must not be set when port is a name");
  checkPortFault("{port: 80, endPort: '81'}", ".endPort: must be an integer, found \"81\"");
  checkPortFault("{protocol: tcp}", ".protocol: must be TCP, UDP or SCTP, found \"tcp\"");
  checkPortFault("{protocol: ICMP}", ".protocol: must be TCP, UDP or SCTP, found \"ICMP\"");
  checkPortFault("{protocol: ''}", ".protocol: must be TCP, UDP or SCTP, found \"\"");
  checkPortFault("{protocol: 6}", ".protocol: must be a string, found the number 6 (quote it)");
  checkPortFault("80", ": must be an object, found the number 80");
  checkPortFault("null", ": must not be null");
  const std::string rule =
      "must be lower case letters, digits and single '-', with at least one letter and a letter or "
      "digit at both ends, found ";
  checkPortFault("{port: '80'}", ".port: " + rule + "\"80\"");
  checkPortFault("{port: Http}", ".port: " + rule + "\"Http\"");
  checkPortFault("{port: ''}", ".port: " + rule + "\"\"");
  checkPortFault("{port: name-that-is-too-long}",
                 ".port: must have at most 15 characters, found \"name-that-is-too-long\"");
}

TEST(DecodeNetworkPolicy, CidrsMayHaveHostBits) {
  const auto block = [](const std::string& text) {
    return *policyOf("{ingress: [{from: [{ipBlock: " + text + "}]}]}")
                .ingress.at(0)
                .peers.at(0)
                .ipBlock;
  };
  EXPECT_EQ(block("{cidr: 10.1.2.3/8}"), (IpBlock{prefix("10.0.0.0/8"), {}}));
  EXPECT_EQ(block("{cidr: 010.001.0.0/16}"), (IpBlock{prefix("10.1.0.0/16"), {}}));
  EXPECT_EQ(block("{cidr: 'FD00:0::/8', except: ['fd00::1/128']}"),
            (IpBlock{prefix("fd00::/8"), {prefix("fd00::1/128")}}));
  EXPECT_EQ(block("{cidr: 0.0.0.0/0, except: [10.0.0.0/8, 10.0.0.0/9, 10.0.0.0/8]}"),
            (IpBlock{prefix("0.0.0.0/0"),
                     {prefix("10.0.0.0/8"), prefix("10.0.0.0/8"), prefix("10.0.0.0/9")}}));
}

TEST(DecodeNetworkPolicy, OverlappingBlocksAreAccepted) {
  const auto policy = policyOf(
      "{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}}, {ipBlock: {cidr: 10.0.0.0/16}}, {ipBlock: "
      "{cidr: 10.0.0.0/8}}], ports: [{port: 1, endPort: 10}, {port: 5, endPort: 20}]}]}");
  EXPECT_EQ(policy.ingress.at(0).peers.size(), 3U);
  EXPECT_EQ(policy.ingress.at(0).ports.size(), 2U);
}

TEST(DecodeNetworkPolicy, PeerFaults) {
  checkPeerFault("{}", ": must have a podSelector, a namespaceSelector or an ipBlock");
  checkPeerFault("{podSelector: null}",
                 ": must have a podSelector, a namespaceSelector or an ipBlock");
  checkPeerFault("null", ": must not be null");
  checkPeerFault("web", ": must be an object, found \"web\"");
  checkPeerFault("{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}",
                 ".ipBlock: must not be set together with podSelector or namespaceSelector");
  checkPeerFault("{ipBlock: {cidr: 10.0.0.0/8}, namespaceSelector: {}}",
                 ".ipBlock: must not be set together with podSelector or namespaceSelector");
  checkPeerFault("{ipBlock: {}}", ".ipBlock.cidr: is required");
  checkPeerFault("{ipBlock: {cidr: ''}}", ".ipBlock.cidr: is required");
  checkPeerFault("{ipBlock: 10.0.0.0/8}", ".ipBlock: must be an object, found \"10.0.0.0/8\"");
  checkPeerFault("{ipBlock: {cidr: 10}}",
                 ".ipBlock.cidr: must be a string, found the number 10 (quote it)");
  const std::string cidr = "must be a CIDR such as 10.0.0.0/8 or fd00::/8, found ";
  for (const char* bad : {"10.0.0.0", "10.0.0.0/33", "10.0.0/8", "256.0.0.0/8", "fd00::/129",
                          "10.0.0.0/8x", "10.0.0.0/-1", "web/8", "fe80::1%eth0/64"}) {
    checkPeerFault("{ipBlock: {cidr: '" + std::string(bad) + "'}}",
                   ".ipBlock.cidr: " + cidr + "\"" + bad + "\"");
  }
  checkPeerFault(
      "{ipBlock: {cidr: '::ffff:10.0.0.0/104'}}",
      ".ipBlock.cidr: must not be an IPv4-mapped IPv6 CIDR, found \"::ffff:10.0.0.0/104\"");
}

TEST(DecodeNetworkPolicy, ExceptMustBeAStrictSubset) {
  const auto check = [](const std::string& except, const std::string& expected) {
    checkPeerFault("{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16, " + except + "]}}",
                   ".ipBlock.except[1]: " + expected);
  };
  const std::string rule = "must be a strict subset of cidr 10.0.0.0/8, found ";
  check("10.0.0.0/8", rule + "\"10.0.0.0/8\"");
  check("10.1.2.3/8", rule + "\"10.1.2.3/8\"");
  check("0.0.0.0/0", rule + "\"0.0.0.0/0\"");
  check("11.0.0.0/16", rule + "\"11.0.0.0/16\"");
  check("'fd00::/16'", rule + "\"fd00::/16\"");
  check("x", "must be a CIDR such as 10.0.0.0/8 or fd00::/8, found \"x\"");
  check("''", "is required");
  check("1", "must be a string, found the number 1 (quote it)");
}

TEST(DecodeNetworkPolicy, SelectorFaults) {
  const auto check = [](const std::string& selector, const std::string& expected) {
    checkFault("{podSelector: " + selector + "}", "spec.podSelector" + expected);
    checkPeerFault("{namespaceSelector: " + selector + "}", ".namespaceSelector" + expected);
  };
  check("web", ": must be an object, found \"web\"");
  check("[]", ": must be an object, found a list");
  check("{matchLabels: {a: 1}}",
        ".matchLabels[a]: must be a string, found the number 1 (quote it)");
  check("{matchLabels: {a: yes}}", ".matchLabels[a]: must be a string, found true (quote it)");
  check("{matchLabels: {a: -b}}",
        ".matchLabels[a]: must be empty or letters, digits, '-', '_' and '.', with a letter or "
        "digit at both ends, found \"-b\"");
  check("{matchLabels: {a_: b}}",
        ".matchLabels[a_]: must have a name of letters, digits, '-', '_' and '.', with a letter or "
        "digit at both ends, found the key \"a_\"");
  check("{matchLabels: [a]}", ".matchLabels: must be an object, found a list");
  check("{matchExpressions: {}}", ".matchExpressions: must be a list, found an object");
  check("{matchExpressions: [{operator: Exists}]}", ".matchExpressions[0].key: is required");
  check("{matchExpressions: [{key: a}]}", ".matchExpressions[0].operator: is required");
  check("{matchExpressions: [{key: a, operator: in, values: [b]}]}",
        ".matchExpressions[0].operator: must be In, NotIn, Exists or DoesNotExist, found \"in\"");
  check("{matchExpressions: [{key: a, operator: In}]}",
        ".matchExpressions[0].values: must have at least one value with operator In");
  check("{matchExpressions: [{key: a, operator: NotIn, values: []}]}",
        ".matchExpressions[0].values: must have at least one value with operator NotIn");
  check("{matchExpressions: [{key: a, operator: Exists, values: [b]}]}",
        ".matchExpressions[0].values: must be empty with operator Exists");
  check("{matchExpressions: [{key: a, operator: DoesNotExist, values: ['']}]}",
        ".matchExpressions[0].values: must be empty with operator DoesNotExist");
  check("{matchExpressions: [{key: a, operator: In, values: [b, 2]}]}",
        ".matchExpressions[0].values[1]: must be a string, found the number 2 (quote it)");
}

TEST(DecodeNetworkPolicy, EmptyAndNullLabelValuesAreEmptyText) {
  EXPECT_EQ(policyOf("{podSelector: {matchLabels: {a: '', b: }}}").podSelector,
            (LabelSelector{labels({{"a", ""}, {"b", ""}}), {}}));
}

TEST(DecodeNetworkPolicy, PolicyTypeFaults) {
  checkFault("{policyTypes: [Ingres]}",
             "spec.policyTypes[0]: must be Ingress or Egress, found \"Ingres\"");
  checkFault("{policyTypes: Ingress}", "spec.policyTypes: must be a list, found \"Ingress\"");
  checkFault("{policyTypes: [Ingress, Egress, Ingress]}",
             "spec.policyTypes: must have at most two items");
}

TEST(DecodeNetworkPolicy, WrongTypesOfLists) {
  checkFault("[]", "spec: must be an object, found a list");
  checkFault("{ingress: {}}", "spec.ingress: must be a list, found an object");
  checkFault("{ingress: [[]]}", "spec.ingress[0]: must be an object, found a list");
  checkFault("{ingress: [null]}", "spec.ingress[0]: must not be null");
  checkFault("{egress: [{to: {}}]}", "spec.egress[0].to: must be a list, found an object");
  checkFault("{egress: [{ports: 80}]}",
             "spec.egress[0].ports: must be a list, found the number 80");
}

TEST(DecodeNetworkPolicy, UnknownFieldsAreWarningsInTheSpecAndErrorsInRules) {
  EXPECT_EQ(
      faultsOf(std::string(kHead) + R"(
status: {x: 1}
spec:
  podselector: {}
  ingress:
  - to: []
    ports: [{ports: 80}]
    from: [{podSelector: {labels: {}}}, {ipBlock: {cidr: 10.0.0.0/8, excepts: []}, pods: {}}]
)"),
      (Lines{
          "warning NetworkPolicy shop/p: spec.podselector: is not a known field and is "
          "ignored",
          "error NetworkPolicy shop/p: spec.ingress[0].to: is not a known field, and a "
          "rule that contains one matches nothing",
          "error NetworkPolicy shop/p: spec.ingress[0].from[0].podSelector.labels: is not a known field, and a "
          "rule that contains one matches nothing",
          "error NetworkPolicy shop/p: spec.ingress[0].from[1].pods: is not a known field, and a "
          "rule that contains one matches nothing",
          "error NetworkPolicy shop/p: spec.ingress[0].from[1].ipBlock.excepts: is not a known field, and a "
          "rule that contains one matches nothing",
          "error NetworkPolicy shop/p: spec.ingress[0].ports[0].ports: is not a known field, and a "
          "rule that contains one matches nothing",
      }));
}

TEST(DecodeNetworkPolicy, EveryErrorIsReported) {
  EXPECT_EQ(faultsOf(R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: Shop}
spec:
  policyTypes: [A, B]
  ingress: [{from: [{}], ports: [{port: 0}]}, {ports: [{port: 70000}]}]
)")
                .size(),
            6U);
}

}  // namespace
}  // namespace kpol::kube::testing
