// SPDX-License-Identifier: Apache-2.0
#include "tests/support/policy_case_builder.hpp"

namespace kpol::test {
namespace {

using base::Protocol;
using policy::Direction;
using policy::NetworkPolicy;

NetworkPolicy withTypes(NetworkPolicy policy, std::vector<Direction> types) {
  policy.policyTypes = std::move(types);
  return policy;
}

std::vector<PolicyCase> directionCases() {
  return {
      CaseBuilder("without policies everything is allowed", {1})
          .allow({"x/a", "y/b"}, {"x/b", "z/c"}, everyProtocol())
          .allow({"own-node", "other-node", "off-cluster"}, "x/a", tcp(80))
          .allow("x/a", {"own-node", "other-node", "off-cluster"}, tcp(80)),
      CaseBuilder("a policy isolates the pods it selects and no others", {1})
          .policy(ingress("x/deny-a", is("pod", "a")))
          .deny({"x/b", "y/a"}, "x/a", everyProtocol())
          .allow({"x/a", "y/a"}, {"x/b", "x/c", "y/b"}, everyProtocol()),
      CaseBuilder("ingress isolation leaves the egress of the pod open", {1})
          .policy(ingress("x/deny-a", is("pod", "a")))
          .deny({"y/a", "off-cluster", "other-node"}, "x/a", tcp(80))
          .allow("x/a", {"x/b", "y/a", "off-cluster", "other-node"}, {tcp(80), udp(80)}),
      CaseBuilder("egress isolation leaves the ingress of the pod open", {1})
          .policy(egress("x/deny-a", is("pod", "a")))
          .allow({"x/b", "y/a", "off-cluster", "other-node"}, "x/a", {tcp(80), udp(80)})
          .deny("x/a", {"x/b", "y/a", "off-cluster", "other-node"}, {tcp(80), udp(80)}),
      CaseBuilder("default deny ingress of a namespace applies inside it too", {1, 4})
          .policy(ingress("x/deny", everything()))
          .deny({"x/b", "y/a", "z/c"}, {"x/a", "x/c"}, everyProtocol())
          .allow({"x/a", "x/b"}, {"y/a", "z/c"}, everyProtocol()),
      CaseBuilder("default deny egress of a namespace applies inside it too", {1, 4})
          .policy(egress("x/deny", everything()))
          .deny({"x/a", "x/c"}, {"x/b", "y/a", "z/c"}, everyProtocol())
          .allow({"y/a", "z/c"}, {"x/a", "x/b"}, everyProtocol()),
      CaseBuilder("default deny in both directions", {1, 4})
          .policy(bothWays("x/deny", everything()))
          .deny({"x/b", "y/a"}, "x/a", everyProtocol())
          .deny("x/a", {"x/b", "y/a"}, everyProtocol())
          .allow("y/a", "z/a", everyProtocol()),
      CaseBuilder("a connection needs the egress of one end and the ingress of the other", {8})
          .policy(egress("x/to-y", is("pod", "a"), {rule({namespaces(is("ns", "y"))})}))
          .policy(ingress("y/from-z", is("pod", "b"), {rule({namespaces(is("ns", "z"))})}))
          .policy(ingress("z/from-x", is("pod", "c"), {rule({namespaces(is("ns", "x"))})}))
          .allow("x/a", {"y/a", "y/c"}, tcp(80))
          .deny("x/a", {"y/b", "z/c", "z/a"}, tcp(80))
          .allow("z/c", "y/b", tcp(80))
          .allow("x/b", "z/c", tcp(80))
          .deny("x/b", "y/b", tcp(80)),
      CaseBuilder("both ends allow on different ports, so nothing passes", {8})
          .policy(egress("x/out-80", is("pod", "a"), {anyPeer({port(80)})}))
          .policy(ingress("y/in-81", is("pod", "a"), {anyPeer({port(81)})}))
          .deny("x/a", "y/a", {tcp(80), tcp(81), tcp(443)})
          .allow("x/a", "y/b", tcp(80))
          .allow("x/b", "y/a", tcp(81)),
      CaseBuilder("replies are accepted although the other direction is denied at both ends", {9})
          .policy(ingress("x/no-ingress", is("pod", "a")))
          .policy(egress("y/no-egress", is("pod", "b")))
          .allow("x/a", "y/b", everyProtocol())
          .deny("y/b", "x/a", everyProtocol()),
  };
}

std::vector<PolicyCase> policyTypesCases() {
  const auto fromY = rule({namespaces(is("ns", "y"))});
  return {
      CaseBuilder("no policyTypes and no rules means ingress only", {2})
          .policy(untyped("x/p", is("pod", "a")))
          .deny({"x/b", "y/a"}, "x/a", tcp(80))
          .allow("x/a", {"x/b", "y/a"}, tcp(80)),
      CaseBuilder("no policyTypes with ingress rules leaves egress open", {2})
          .policy(untyped("x/p", is("pod", "a"), {fromY}))
          .allow("y/a", "x/a", tcp(80))
          .deny("z/a", "x/a", tcp(80))
          .allow("x/a", {"x/b", "z/a"}, tcp(80)),
      CaseBuilder("no policyTypes with egress rules means both directions", {2, 4})
          .policy(untyped("x/p", is("pod", "a"), {}, {fromY}))
          .allow("x/a", {"y/a", "y/b"}, everyProtocol())
          .deny("x/a", {"x/b", "z/a"}, everyProtocol())
          .deny({"y/a", "x/b"}, "x/a", everyProtocol()),
      CaseBuilder("policyTypes Egress with ingress rules leaves ingress open", {3, 4})
          .policy(withTypes(untyped("x/p", is("pod", "a"), {fromY}), {Direction::Egress}))
          .allow({"y/a", "z/a", "x/b"}, "x/a", tcp(80))
          .deny("x/a", {"y/a", "z/a", "x/b"}, tcp(80)),
      CaseBuilder("policyTypes Ingress with egress rules leaves egress open", {3, 4})
          .policy(withTypes(untyped("x/p", is("pod", "a"), {}, {fromY}), {Direction::Ingress}))
          .allow("x/a", {"y/a", "z/a", "x/b"}, tcp(80))
          .deny({"y/a", "z/a", "x/b"}, "x/a", tcp(80)),
      CaseBuilder("policyTypes in the other order and twice mean the same", {3})
          .policy(withTypes(untyped("x/p", is("pod", "a"), {fromY}, {fromY}),
                            {Direction::Egress, Direction::Ingress, Direction::Egress}))
          .allow("x/a", "y/a", tcp(80))
          .allow("y/a", "x/a", tcp(80))
          .deny("x/a", "z/a", tcp(80))
          .deny("z/a", "x/a", tcp(80)),
  };
}

std::vector<PolicyCase> ruleCases() {
  return {
      CaseBuilder("an empty ingress rule allows every peer, port and protocol", {5})
          .policy(ingress("x/all", everything(), {anyPeer()}))
          .allow({"x/b", "y/a"}, "x/a", everyProtocol())
          .allow({"off-cluster", "other-node"}, "x/a", {tcp(80), udp(80), icmp()}),
      CaseBuilder("an empty egress rule allows every peer, port and protocol", {5})
          .policy(egress("x/all", everything(), {anyPeer()}))
          .allow("x/a", {"x/b", "y/a"}, everyProtocol())
          .allow("x/a", {"off-cluster", "other-node"}, {tcp(80), udp(80), icmp()}),
      CaseBuilder("an empty rule beside narrow ones still allows everything", {5, 7})
          .policy(
              ingress("x/p", is("pod", "a"), {rule({pods(is("pod", "b"))}, {port(80)}), anyPeer()}))
          .allow({"x/b", "x/c", "y/a"}, "x/a", {tcp(80), tcp(443), udp(81), icmp()}),
      CaseBuilder("a rule without peers allows any peer on its ports", {5})
          .policy(ingress("x/p", is("pod", "a"), {anyPeer({port(80)})}))
          .allow({"x/b", "z/c", "off-cluster", "other-node"}, "x/a", tcp(80))
          .deny({"x/b", "z/c", "off-cluster", "other-node"}, "x/a", {tcp(81), udp(80), icmp()}),
      CaseBuilder("a rule without ports allows its peers every port and protocol", {5})
          .policy(ingress("x/p", is("pod", "a"), {rule({pods(is("pod", "b"))})}))
          .allow("x/b", "x/a", {tcp(80), tcp(8081), udp(5353), sctp(80), icmp()})
          .deny({"x/c", "y/b"}, "x/a", {tcp(80), udp(5353), sctp(80), icmp()}),
      CaseBuilder("a policy whose only rule is for SCTP isolates TCP and UDP", {6, 28})
          .policy(ingress("x/p", is("pod", "a"), {anyPeer({port(80, Protocol::Sctp)})}))
          .allow({"x/b", "y/a"}, "x/a", sctp(80))
          .deny({"x/b", "y/a"}, "x/a", {tcp(80), udp(80), sctp(81)}),
      CaseBuilder("a policy whose rules match no peer isolates", {6})
          .policy(ingress("x/p", is("pod", "a"), {rule({pods(is("pod", "nobody"))})}))
          .policy(egress("y/p", is("pod", "b"), {rule({namespaces(is("ns", "nowhere"))})}))
          .deny({"x/b", "y/a"}, "x/a", tcp(80))
          .deny("y/b", {"x/b", "y/a", "off-cluster"}, tcp(80)),
      CaseBuilder("a peer without any field matches nothing, unlike a rule without peers", {6, 33})
          .policy(ingress("x/p", is("pod", "a"), {rule({policy::Peer{}})}))
          .deny({"x/b", "y/a", "off-cluster"}, "x/a", everyProtocol()),
  };
}

std::vector<PolicyCase> unionCases() {
  CaseBuilder many("twelve policies of one pod, each with a peer and a port of its own", {7, 19});
  const std::map<std::string, std::uint16_t> portOfPeer = {
      {"a", 80}, {"b", 81}, {"c", 443}, {"nobody", 8080}};
  for (const std::string ns : {"x", "y", "z"}) {
    for (const auto& [pod, number] : portOfPeer) {
      many.policy(ingress("y/from-" + ns + "-" + pod, is("pod", "b"),
                          {rule({podsIn(is("ns", ns), is("pod", pod))}, {port(number)})}));
    }
  }
  many.allow({"x/a", "y/a", "z/a"}, "y/b", tcp(80))
      .allow({"x/b", "z/b"}, "y/b", tcp(81))
      .allow({"x/c", "y/c", "z/c"}, "y/b", tcp(443))
      .deny({"x/a", "y/a", "z/a"}, "y/b", {tcp(81), tcp(443), tcp(8080), udp(80)})
      .deny({"x/b", "z/b"}, "y/b", {tcp(80), tcp(443), tcp(8080)})
      .deny({"x/c", "y/c", "z/c"}, "y/b", {tcp(80), tcp(81), tcp(8080), icmp()});

  return {
      many,
      CaseBuilder("two policies on one pod add up", {7})
          .policy(ingress("x/from-b", is("pod", "a"), {rule({pods(is("pod", "b"))})}))
          .policy(ingress("x/from-y", is("pod", "a"), {rule({namespaces(is("ns", "y"))})}))
          .allow({"x/b", "y/a", "y/c"}, "x/a", {tcp(80), udp(80)})
          .deny({"x/c", "z/a"}, "x/a", {tcp(80), udp(80)}),
      CaseBuilder("an allow beside a deny-all wins, whichever name sorts first", {7})
          .policy(ingress("x/m-allow", is("pod", "a"), {rule({pods(is("pod", "b"))})}))
          .policy(ingress("x/a-deny", everything()))
          .policy(ingress("x/z-deny", everything()))
          .allow("x/b", "x/a", everyProtocol())
          .deny("x/c", "x/a", everyProtocol())
          .deny({"x/a", "x/b"}, "x/c", everyProtocol()),
      CaseBuilder("without the allow the deny-all beside it keeps the isolation", {7})
          .policy(ingress("x/a-deny", everything()))
          .deny({"x/b", "y/b"}, "x/a", everyProtocol()),
      CaseBuilder("peers and ports of two policies do not mix", {7, 19})
          .policy(
              ingress("x/y-80", is("pod", "a"), {rule({namespaces(is("ns", "y"))}, {port(80)})}))
          .policy(
              ingress("x/z-81", is("pod", "a"), {rule({namespaces(is("ns", "z"))}, {port(81)})}))
          .allow("y/a", "x/a", tcp(80))
          .allow("z/a", "x/a", tcp(81))
          .deny("y/a", "x/a", tcp(81))
          .deny("z/a", "x/a", tcp(80)),
      CaseBuilder("the same policy under two names means what one means", {7})
          .policy(bothWays("x/one", everything(), {rule({pods(everything())}, {port(80)})},
                           {rule({pods(everything())}, {port(80)})}))
          .policy(bothWays("x/two", everything(), {rule({pods(everything())}, {port(80)})},
                           {rule({pods(everything())}, {port(80)})}))
          .allow("x/a", "x/b", tcp(80))
          .deny("x/a", "x/b", {tcp(81), udp(80)})
          .deny("y/a", "x/a", tcp(80))
          .deny("x/a", "y/a", tcp(80)),
      CaseBuilder("policies that select the pod by different labels add up", {7})
          .relabel("x/a", labels({{"pod", "a"}, {"tier", "front"}}))
          .policy(ingress("x/by-pod", is("pod", "a"), {anyPeer({port(80)})}))
          .policy(ingress("x/by-tier", is("tier", "front"), {anyPeer({port(81)})}))
          .policy(ingress("x/by-both", allOf({is("pod", "a"), is("tier", "front")}),
                          {anyPeer({port(443)})}))
          .allow("y/a", "x/a", {tcp(80), tcp(81), tcp(443)})
          .deny("y/a", "x/a", tcp(8080))
          .allow("y/a", "x/b", tcp(8080)),
      CaseBuilder("an empty podSelector is all pods of the namespace", {10})
          .policy(bothWays("y/p", everything(), {rule({pods(is("pod", "a"))})},
                           {rule({pods(everything())})}))
          .allow("y/a", {"y/b", "y/c"}, tcp(80))
          .deny("y/b", {"y/a", "y/c"}, tcp(80))
          .deny("y/a", "x/a", tcp(80)),
      CaseBuilder("a policy acts in its own namespace only", {11})
          .policy(bothWays("x/deny", is("pod", "a")))
          .deny("y/b", "x/a", tcp(80))
          .allow("y/b", {"y/a", "z/a"}, tcp(80))
          .allow({"y/a", "z/a"}, "y/b", tcp(80)),
      CaseBuilder("equal names in two namespaces are two policies", {11})
          .policy(ingress("x/p", is("pod", "a"), {anyPeer({port(80)})}))
          .policy(ingress("y/p", is("pod", "a"), {anyPeer({port(81)})}))
          .policy(egress("z/p", is("pod", "a"), {anyPeer({port(81)})}))
          .allow("x/b", "x/a", tcp(80))
          .deny("x/b", "x/a", tcp(81))
          .allow("x/b", "y/a", tcp(81))
          .deny("x/b", "y/a", tcp(80))
          .allow("z/a", "y/a", tcp(81))
          .deny("z/a", "x/a", {tcp(80), tcp(81)}),
  };
}

}  // namespace

std::vector<PolicyCase> isolationCases() {
  std::vector<PolicyCase> all;
  for (const auto& part : {directionCases(), policyTypesCases(), ruleCases(), unionCases()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace kpol::test
