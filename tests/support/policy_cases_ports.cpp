// SPDX-License-Identifier: Apache-2.0
#include "tests/support/policy_case_builder.hpp"

namespace kpol::test {
namespace {

using base::Protocol;
using policy::PolicyPort;

// One policy on x/a whose only rule admits `peers` on `policyPorts`.
policy::NetworkPolicy onlyOn(std::vector<PolicyPort> policyPorts, Peers peers = {}) {
  return ingress("x/p", is("pod", "a"), {rule(std::move(peers), std::move(policyPorts))});
}

std::vector<PolicyCase> pairingCases() {
  const auto inY = namespaces(is("ns", "y"));
  const auto inZ = namespaces(is("ns", "z"));
  return {
      CaseBuilder("ingress peers and ports belong to their own rule", {19})
          .policy(
              ingress("x/p", is("pod", "a"), {rule({inY}, {port(80)}), rule({inZ}, {port(81)})}))
          .allow({"y/a", "y/b"}, "x/a", tcp(80))
          .allow({"z/a", "z/b"}, "x/a", tcp(81))
          .deny({"y/a", "y/b"}, "x/a", {tcp(81), udp(80)})
          .deny({"z/a", "z/b"}, "x/a", {tcp(80), udp(81)}),
      CaseBuilder("egress peers and ports belong to their own rule", {19})
          .policy(egress("x/p", is("pod", "a"), {rule({inY}, {port(80)}), rule({inZ}, {port(81)})}))
          .allow("x/a", {"y/a", "y/b"}, tcp(80))
          .allow("x/a", {"z/a", "z/b"}, tcp(81))
          .deny("x/a", {"y/a", "y/b"}, tcp(81))
          .deny("x/a", {"z/a", "z/b"}, tcp(80)),
      CaseBuilder("a rule with ports beside one without", {19})
          .policy(ingress("x/p", is("pod", "a"), {rule({inY}, {port(80)}), rule({inZ})}))
          .allow("y/a", "x/a", tcp(80))
          .deny("y/a", "x/a", {tcp(81), udp(5353), icmp()})
          .allow("z/a", "x/a", {tcp(80), tcp(81), udp(5353), sctp(80), icmp()}),
      CaseBuilder("three rules share a port and differ in peers", {19})
          .policy(ingress("x/p", is("pod", "a"),
                          {rule({inY}, {port(80), port(81)}), rule({inZ}, {port(81), port(443)}),
                           rule({pods(is("pod", "b"))}, {port(80), port(443)})}))
          .allow("y/a", "x/a", {tcp(80), tcp(81)})
          .deny("y/a", "x/a", tcp(443))
          .allow("z/a", "x/a", {tcp(81), tcp(443)})
          .deny("z/a", "x/a", tcp(80))
          .allow("x/b", "x/a", {tcp(80), tcp(443)})
          .deny("x/b", "x/a", tcp(81))
          .deny("x/c", "x/a", {tcp(80), tcp(81), tcp(443)}),
      CaseBuilder("overlapping ranges of two rules keep their peers apart", {19, 25, 26})
          .policy(ingress("x/p", is("pod", "a"),
                          {rule({inY}, {ports(80, 443)}), rule({inZ}, {ports(443, 8080)})}))
          .allow("y/a", "x/a", {tcp(80), tcp(81), tcp(443)})
          .deny("y/a", "x/a", {tcp(8080), tcp(5353)})
          .allow("z/a", "x/a", {tcp(443), tcp(5353), tcp(8080)})
          .deny("z/a", "x/a", {tcp(80), tcp(81), tcp(8081)}),
      CaseBuilder("a range inside another with other peers", {19, 26})
          .policy(ingress(
              "x/p", is("pod", "a"),
              {rule({inY}, {ports(1, 65535)}), rule({inZ}, {ports(81, 443)}), anyPeer({port(81)})}))
          .allow("y/a", "x/a", {tcp(80), tcp(81), tcp(443), tcp(8081)})
          .deny("y/a", "x/a", udp(81))
          .allow("z/a", "x/a", {tcp(81), tcp(443)})
          .deny("z/a", "x/a", {tcp(80), tcp(5353)})
          .allow("x/b", "x/a", tcp(81))
          .deny("x/b", "x/a", {tcp(80), tcp(443)}),
      CaseBuilder("protocol and port of one entry belong together", {21})
          .policy(onlyOn({port(80), port(81, Protocol::Udp)}))
          .allow("y/a", "x/a", {tcp(80), udp(81)})
          .deny("y/a", "x/a", {tcp(81), udp(80), sctp(80), sctp(81)}),
  };
}

std::vector<PolicyCase> protocolCases() {
  return {
      CaseBuilder("a port entry without protocol means TCP", {20})
          .policy(onlyOn({PolicyPort{Protocol::Tcp, *base::PortRange::single(80)}}))
          .allow("y/a", "x/a", tcp(80))
          .deny("y/a", "x/a", {udp(80), sctp(80), tcp(81), icmp()}),
      CaseBuilder("an empty port entry is every TCP port and nothing else", {20})
          .policy(onlyOn({PolicyPort{}}))
          .allow("y/a", "x/a", {tcp(80), tcp(443), tcp(8081)})
          .deny("y/a", "x/a", {udp(80), sctp(80), icmp()}),
      CaseBuilder("a protocol without port is all its ports", {20})
          .policy(onlyOn({anyPort(Protocol::Udp)}))
          .allow("y/a", "x/a", {udp(80), udp(5353), udp(8081)})
          .deny("y/a", "x/a", {tcp(80), tcp(5353), sctp(80), icmp()}),
      CaseBuilder("a protocol without port for egress", {20})
          .policy(egress("x/p", is("pod", "a"), {anyPeer({anyPort(Protocol::Udp)})}))
          .allow("x/a", {"y/a", "off-cluster"}, {udp(80), udp(5353)})
          .deny("x/a", {"y/a", "off-cluster"}, {tcp(80), icmp()}),
      CaseBuilder("all ports of a protocol for one peer, one port for another", {19, 20})
          .policy(ingress("x/p", is("pod", "a"),
                          {rule({namespaces(is("ns", "y"))}, {anyPort()}),
                           rule({namespaces(is("ns", "z"))}, {port(443)})}))
          .allow("y/a", "x/a", {tcp(80), tcp(443)})
          .allow("z/a", "x/a", tcp(443))
          .deny("z/a", "x/a", tcp(80)),
      CaseBuilder("SCTP rules are not TCP rules, nor the other way round", {28})
          .policy(onlyOn({port(80, Protocol::Sctp), port(81)}))
          .allow("y/a", "x/a", {sctp(80), tcp(81)})
          .deny("y/a", "x/a", {tcp(80), sctp(81), udp(80), udp(81)}),
      CaseBuilder("all of TCP, UDP and SCTP still leaves ICMP out", {29})
          .policy(onlyOn({anyPort(), anyPort(Protocol::Udp), anyPort(Protocol::Sctp)}))
          .allow("y/a", "x/a", {tcp(8081), udp(8081), sctp(8081)})
          .deny("y/a", "x/a", icmp()),
      CaseBuilder("ICMP passes where a rule without ports admits the peer", {29})
          .policy(ingress("x/p", is("pod", "a"),
                          {rule({namespaces(is("ns", "y"))}),
                           rule({namespaces(is("ns", "z"))}, {ports(1, 65535)})}))
          .policy(egress("y/p", is("pod", "b"), {anyPeer({port(80)})}))
          .allow("y/a", "x/a", icmp())
          .deny("y/b", "x/a", icmp())
          .allow("y/b", "x/a", tcp(80))
          .deny({"z/a", "x/b"}, "x/a", icmp()),
      CaseBuilder("an unknown protocol matches nothing and keeps the isolation", {6, 30})
          .policy(onlyOn({unknownProtocol(80)}))
          .deny({"x/b", "y/a"}, "x/a", {tcp(80), udp(80), sctp(80), icmp()}),
      CaseBuilder("an unknown protocol leaves the entries beside it alone", {30})
          .policy(onlyOn({unknownProtocol(81), port(80)}))
          .allow("y/a", "x/a", tcp(80))
          .deny("y/a", "x/a", {tcp(81), udp(81), icmp()}),
      CaseBuilder("policy ports are the pod's ports, not those of a Service before it", {27})
          .policy(onlyOn({port(8080)}))
          .allow("y/a", "x/a", tcp(8080))
          .deny("y/a", "x/a", tcp(80)),
  };
}

std::vector<PolicyCase> namedPortCases() {
  return {
      CaseBuilder("a named port is the container port of that name", {22})
          .policy(onlyOn({named("http")}))
          .allow("y/a", "x/a", tcp(80))
          .deny("y/a", "x/a", {tcp(81), udp(80), sctp(80), icmp()}),
      CaseBuilder("one name, another number in each pod", {22})
          .containerPorts("x/a", {{"web", Protocol::Tcp, 80}})
          .containerPorts("x/b", {{"web", Protocol::Tcp, 8080}})
          .containerPorts("x/c", {{"www", Protocol::Tcp, 80}})
          .policy(ingress("x/p", everything(), {anyPeer({named("web")})}))
          .allow("y/a", "x/a", tcp(80))
          .allow("y/a", "x/b", tcp(8080))
          .deny("y/a", "x/a", tcp(8080))
          .deny("y/a", "x/b", tcp(80))
          .deny("y/a", "x/c", {tcp(80), tcp(8080)}),
      CaseBuilder("an egress named port is the destination's, not the sender's", {22})
          .containerPorts("x/a", {{"web", Protocol::Tcp, 443}})
          .containerPorts("y/a", {{"web", Protocol::Tcp, 80}})
          .containerPorts("y/b", {{"web", Protocol::Tcp, 8080}})
          .policy(egress("x/p", is("pod", "a"), {anyPeer({named("web")})}))
          .allow("x/a", "y/a", tcp(80))
          .allow("x/a", "y/b", tcp(8080))
          .deny("x/a", {"y/a", "y/b", "y/c"}, tcp(443))
          .deny("x/a", "y/a", tcp(8080))
          .deny("x/a", {"y/b", "y/c"}, tcp(80))
          .deny("x/a", "off-cluster", {tcp(443), tcp(80), tcp(8080)}),
      CaseBuilder("an egress named port with a selector peer", {19, 22})
          .containerPorts("y/a", {{"web", Protocol::Tcp, 80}})
          .containerPorts("y/b", {{"web", Protocol::Tcp, 8080}})
          .containerPorts("z/a", {{"web", Protocol::Tcp, 80}})
          .policy(
              egress("x/p", is("pod", "a"), {rule({namespaces(is("ns", "y"))}, {named("web")})}))
          .allow("x/a", "y/a", tcp(80))
          .allow("x/a", "y/b", tcp(8080))
          .deny("x/a", "y/a", tcp(8080))
          .deny("x/a", "y/b", tcp(80))
          .deny("x/a", "z/a", tcp(80)),
      CaseBuilder("an egress named port with an ipBlock peer that holds pods", {22, 31})
          .containerPorts("y/a", {{"web", Protocol::Tcp, 80}})
          .containerPorts("y/b", {{"web", Protocol::Tcp, 8080}})
          .policy([](const Setting& at) {
            return egress("x/p", is("pod", "a"),
                          {rule(hosts({at.of("y/a"), at.of("y/b")}), {named("web")})});
          })
          .allow("x/a", "y/a", tcp(80))
          .allow("x/a", "y/b", tcp(8080))
          .deny("x/a", "y/a", tcp(8080))
          .deny("x/a", "y/b", tcp(80))
          .deny("x/a", "y/c", tcp(80)),
      CaseBuilder("a name counts only with its protocol", {22})
          .policy(ingress("x/p", is("pod", "a"), {anyPeer({named("dns")})}))
          .policy(ingress("x/q", is("pod", "b"), {anyPeer({named("dns", Protocol::Udp)})}))
          .deny("y/a", "x/a", {tcp(5353), udp(5353)})
          .allow("y/a", "x/b", udp(5353))
          .deny("y/a", "x/b", tcp(5353)),
      CaseBuilder("one name for two protocols with two numbers", {22})
          .containerPorts("x/a", {{"peer", Protocol::Tcp, 8080}, {"peer", Protocol::Udp, 8081}})
          .policy(onlyOn({named("peer"), named("peer", Protocol::Udp)}))
          .allow("y/a", "x/a", {tcp(8080), udp(8081)})
          .deny("y/a", "x/a", {tcp(8081), udp(8080)}),
      CaseBuilder("a pod without the named port is isolated all the same", {6, 22})
          .containerPorts("x/a", {})
          .policy(ingress("x/p", everything(), {anyPeer({named("http")})}))
          .deny("y/a", "x/a", everyProtocol())
          .allow("y/a", "x/b", tcp(80)),
      CaseBuilder("a nameless container port is no named port", {22, 23})
          .containerPorts("x/a", {{"", Protocol::Tcp, 80}})
          .policy(onlyOn({named("http")}))
          .deny("y/a", "x/a", tcp(80)),
      CaseBuilder("a numeric port opens an undeclared socket", {23})
          .containerPorts("x/a", {})
          .policy(onlyOn({port(8081), port(443, Protocol::Udp)}))
          .allow("y/a", "x/a", {tcp(8081), udp(443)})
          .deny("y/a", "x/a", {tcp(80), udp(8081)}),
      CaseBuilder("a named port has the number that its pod declares currently", {24})
          .containerPorts("x/a", {{"http", Protocol::Tcp, 8081}})
          .policy(
              ingress("x/p", everything(), {rule({namespaces(is("ns", "y"))}, {named("http")})}))
          .allow("y/a", "x/a", tcp(8081))
          .deny("y/a", "x/a", tcp(80))
          .allow("y/a", "x/b", tcp(80))
          .deny("z/a", "x/a", tcp(8081)),
      CaseBuilder("named and numeric ports in one rule", {22, 23})
          .policy(onlyOn({named("http"), port(8080), named("signal", Protocol::Sctp),
                          named("missing"), port(80)}))
          .allow("y/a", "x/a", {tcp(80), tcp(8080), sctp(80)})
          .deny("y/a", "x/a", {tcp(81), sctp(8080), udp(80)}),
      CaseBuilder("two rules with one named port and two peers", {19, 22})
          .containerPorts("x/b", {{"http", Protocol::Tcp, 8080}, {"alt", Protocol::Tcp, 80}})
          .policy(ingress("x/p", everything(),
                          {rule({namespaces(is("ns", "y"))}, {named("http")}),
                           rule({namespaces(is("ns", "z"))}, {named("alt")})}))
          .allow("y/a", "x/a", tcp(80))
          .deny("y/a", "x/a", tcp(81))
          .allow("z/a", "x/a", tcp(81))
          .deny("z/a", "x/a", tcp(80))
          .allow("y/a", "x/b", tcp(8080))
          .deny("y/a", "x/b", tcp(80))
          .allow("z/a", "x/b", tcp(80))
          .deny("z/a", "x/b", tcp(8080)),
  };
}

std::vector<PolicyCase> rangeCases() {
  return {
      CaseBuilder("endPort is inclusive", {25})
          .policy(onlyOn({ports(81, 8080)}))
          .allow("y/a", "x/a", {tcp(81), tcp(443), tcp(5353), tcp(8080)})
          .deny("y/a", "x/a", {tcp(80), tcp(8081), udp(443), sctp(443), icmp()}),
      CaseBuilder("endPort for egress, with UDP", {25})
          .policy(egress("x/p", is("pod", "a"), {anyPeer({ports(80, 81, Protocol::Udp)})}))
          .allow("x/a", "y/a", {udp(80), udp(81)})
          .deny("x/a", "y/a", {udp(443), tcp(80), tcp(81)}),
      CaseBuilder("endPort equal to port is that port", {25})
          .policy(onlyOn({ports(81, 81)}))
          .allow("y/a", "x/a", tcp(81))
          .deny("y/a", "x/a", {tcp(80), tcp(443)}),
      CaseBuilder("the range of all ports is one protocol's ports", {25})
          .policy(onlyOn({ports(1, 65535, Protocol::Udp)}))
          .allow("y/a", "x/a", {udp(80), udp(8081)})
          .deny("y/a", "x/a", {tcp(80), sctp(80), icmp()}),
      CaseBuilder("overlapping, adjacent and duplicate ranges merge", {26})
          .policy(onlyOn({ports(80, 443), ports(81, 5352), ports(5353, 5353), port(80), port(80),
                          ports(80, 443), ports(8080, 8080), ports(443, 444)}))
          .allow("y/a", "x/a", {tcp(80), tcp(81), tcp(443), tcp(5353), tcp(8080)})
          .deny("y/a", "x/a", {tcp(8081), udp(80)}),
      CaseBuilder("ranges to both ends of the port space", {25, 26})
          .policy(onlyOn({ports(1, 80), ports(8081, 65535), ports(65535, 65535)}))
          .allow("y/a", "x/a", {tcp(80), tcp(8081)})
          .deny("y/a", "x/a", {tcp(81), tcp(443), tcp(8080)}),
      CaseBuilder("one range in two protocols", {21, 26})
          .policy(onlyOn(
              {ports(80, 443), ports(81, 8080, Protocol::Udp), ports(443, 8081, Protocol::Sctp)}))
          .allow("y/a", "x/a", {tcp(80), tcp(443), udp(81), udp(8080), sctp(443), sctp(8081)})
          .deny("y/a", "x/a", {tcp(8080), udp(80), udp(8081), sctp(81)}),
  };
}

}  // namespace

std::vector<PolicyCase> portCases() {
  std::vector<PolicyCase> all;
  for (const auto& part : {pairingCases(), protocolCases(), namedPortCases(), rangeCases()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace kpol::test
