// SPDX-License-Identifier: Apache-2.0
#include "tests/support/policy_case_builder.hpp"

namespace kpol::test {
namespace {

using base::Family;
using base::Protocol;
using policy::PodPhase;

policy::NetworkPolicy denyAll() {
  return bothWays("x/deny", everything());
}

std::function<void(CasePod&)> inPhase(PodPhase phase) {
  return [=](CasePod& pod) { pod.pod.phase = phase; };
}

std::function<void(CasePod&)> hostNetworkOf(Place::Kind node) {
  return [=](CasePod& pod) {
    pod.pod.hostNetwork = true;
    pod.hostNetworkOf = node;
  };
}

// The pod is only an object that still reports the address of `owner`.
std::function<void(CasePod&)> leftBehind(PodPhase phase, const char* owner) {
  return [=](CasePod& pod) {
    pod.pod.phase = phase;
    pod.addressOf = keyOf(owner);
  };
}

std::vector<PolicyCase> nodeCases() {
  return {
      CaseBuilder("a pod's own node reaches it under deny-all", {37})
          .policy(denyAll())
          .allow("own-node", {"x/a", "x/b"}, {tcp(80), tcp(8081), udp(5353), icmp()})
          .deny("y/a", "x/a", tcp(80)),
      CaseBuilder("a pod's own node reaches it although every rule leaves the node out", {37})
          .policy([](const Setting& at) {
            return ingress("x/p", is("pod", "a"), {rule(anywhereBut({at.ownNode}), {port(80)})});
          })
          .allow("own-node", "x/a", {tcp(80), tcp(81), icmp()})
          .allow("y/a", "x/a", tcp(80))
          .deny("y/a", "x/a", tcp(81)),
      CaseBuilder("another node's address has no exemption", {38})
          .policy(denyAll())
          .deny("other-node", "x/a", {tcp(80), udp(80), icmp()})
          .deny("x/a", "other-node", {tcp(80), udp(80), icmp()}),
      CaseBuilder("a block admits another node", {38, 31})
          .policy([](const Setting& at) {
            return bothWays("x/p", is("pod", "a"), {rule(hosts({at.otherNode}), {port(80)})},
                            {rule(hosts({at.otherNode}), {port(443)})});
          })
          .allow("other-node", "x/a", tcp(80))
          .deny("other-node", "x/a", tcp(443))
          .allow("x/a", "other-node", tcp(443))
          .deny("x/a", "other-node", tcp(80))
          .deny("off-cluster", "x/a", tcp(80)),
      CaseBuilder("a pod reaches its own node under deny-all by default", {39})
          .policy(denyAll())
          .allow("x/a", "own-node", {tcp(80), udp(5353), icmp()})
          .deny("x/a", {"other-node", "off-cluster"}, {tcp(80), udp(5353), icmp()}),
      CaseBuilder("podToNode policy: egress isolation includes the own node", {39})
          .podToNodeByPolicy()
          .policy(egress("x/deny", is("pod", "a")))
          .policy(ingress("x/deny-in", is("pod", "b")))
          .deny("x/a", "own-node", {tcp(80), udp(5353), icmp()})
          .allow({"x/b", "y/a"}, "own-node", {tcp(80), udp(5353), icmp()})
          .allow("own-node", {"x/a", "x/b"}, tcp(80)),
      CaseBuilder("podToNode policy: rules admit the own node like any address", {39, 31})
          .podToNodeByPolicy()
          .policy([](const Setting& at) {
            return egress("x/p", is("pod", "a"),
                          {rule(hosts({at.ownNode}), {port(443), port(5353, Protocol::Udp)}),
                           rule({namespaces(everything())})});
          })
          .allow("x/a", "own-node", {tcp(443), udp(5353)})
          .deny("x/a", "own-node", {tcp(80), icmp()})
          .allow("x/a", "y/a", tcp(80)),
  };
}

std::vector<PolicyCase> hostNetworkCases() {
  return {
      CaseBuilder("a policy that selects a hostNetwork pod does not restrict the node", {40})
          .edit("x/a", hostNetworkOf(Place::Kind::OwnNode))
          .policy(denyAll())
          .allow({"off-cluster", "y/a"}, "own-node", {tcp(80), udp(80)})
          .allow("own-node", {"y/a", "off-cluster"}, {tcp(80), udp(80)})
          .deny("y/a", "x/b", tcp(80)),
      CaseBuilder("a policy that selects a hostNetwork pod elsewhere does not restrict its node",
                  {40})
          .edit("x/a", hostNetworkOf(Place::Kind::OtherNode))
          .policy(denyAll())
          .allow("y/a", "other-node", {tcp(80), udp(80)})
          .allow("other-node", "y/a", {tcp(80), udp(80)})
          .deny("other-node", "x/b", tcp(80)),
      CaseBuilder("selectors do not admit hostNetwork pods", {17, 40})
          .edit("y/a", hostNetworkOf(Place::Kind::OtherNode))
          .policy(ingress("x/p", is("pod", "a"), {rule({namespaces(is("ns", "y"))})}))
          .policy(egress("x/q", is("pod", "b"), {rule({podsIn(everything(), is("pod", "a"))})}))
          .allow("y/b", "x/a", tcp(80))
          .deny("other-node", "x/a", tcp(80))
          .allow("x/b", "z/a", tcp(80))
          .deny("x/b", "x/a", tcp(80))
          .deny("x/b", "other-node", tcp(80)),
      CaseBuilder("a block with the node's address admits hostNetwork pods", {38, 40})
          .edit("y/a", hostNetworkOf(Place::Kind::OtherNode))
          .policy([](const Setting& at) {
            return ingress("x/p", is("pod", "a"), {rule(hosts({at.otherNode}))});
          })
          .allow("other-node", "x/a", tcp(80))
          .deny("y/b", "x/a", tcp(80)),
      CaseBuilder("a named port of a hostNetwork pod opens nothing on the node", {22, 40})
          .edit("y/a", hostNetworkOf(Place::Kind::OtherNode))
          .policy(egress("x/p", is("pod", "a"), {anyPeer({named("http")})}))
          .allow("x/a", "y/b", tcp(80))
          .deny("x/a", "other-node", tcp(80)),
      CaseBuilder("a pod reaches itself under deny-all", {41})
          .policy(denyAll())
          .allow("x/a", "x/a", everyProtocol())
          .allow("x/b", "x/b", {tcp(8081)})
          .deny("x/a", "x/b", everyProtocol()),
      CaseBuilder("a pod reaches itself although its rules name others", {41})
          .policy(bothWays("x/p", is("pod", "a"), {rule({pods(is("pod", "b"))}, {port(80)})},
                           {rule({pods(is("pod", "b"))}, {port(81)})}))
          .allow("x/a", "x/a", {tcp(80), tcp(81), tcp(443), udp(80), icmp()})
          .allow("x/b", "x/a", tcp(80))
          .deny("x/b", "x/a", tcp(81)),
  };
}

std::vector<PolicyCase> lifecycleCases() {
  return {
      CaseBuilder("a pod whose containers have not started is isolated and a peer", {42, 43})
          .edit("x/a", inPhase(PodPhase::Pending))
          .edit("y/a", inPhase(PodPhase::Pending))
          .policy(ingress("x/p", is("pod", "a"), {rule({podsIn(is("ns", "y"), is("pod", "a"))})}))
          .allow("y/a", "x/a", tcp(80))
          .deny({"y/b", "x/b"}, "x/a", everyProtocol()),
      CaseBuilder("a pod whose node does not respond keeps its policies and is still a peer", {43})
          .edit("x/a", inPhase(PodPhase::Unknown))
          .edit("y/a", inPhase(PodPhase::Unknown))
          .policy(ingress("x/p", is("pod", "a"), {rule({podsIn(is("ns", "y"), is("pod", "a"))})}))
          .allow("y/a", "x/a", tcp(80))
          .deny({"y/b", "x/b"}, "x/a", everyProtocol()),
      CaseBuilder("a pod without an address adds nothing", {43})
          .edit("y/a", [](CasePod& pod) { pod.hasAddress = false; })
          .policy(ingress("x/p", is("pod", "a"), {rule({podsIn(is("ns", "y"), is("pod", "a"))})}))
          .policy(egress("x/q", is("pod", "b"), {rule({podsIn(is("ns", "y"), is("pod", "a"))})}))
          .deny({"y/b", "z/a", "off-cluster"}, "x/a", tcp(80))
          .deny("x/b", {"y/b", "z/a", "off-cluster"}, tcp(80)),
      CaseBuilder("a policy for a pod without an address leaves the others alone", {43})
          .edit("x/a", [](CasePod& pod) { pod.hasAddress = false; })
          .policy(bothWays("x/p", is("pod", "a")))
          .allow("y/a", {"x/b", "x/c"}, tcp(80))
          .allow({"x/b", "x/c"}, "y/a", tcp(80)),
      CaseBuilder("a finished pod's labels do not admit the pod that has its address now", {44})
          .edit("y/b", leftBehind(PodPhase::Succeeded, "y/a"))
          .edit("y/c", leftBehind(PodPhase::Failed, "z/a"))
          .policy(ingress("x/p", is("pod", "a"),
                          {rule({podsIn(is("ns", "y"), in("pod", {"b", "c"}))})}))
          .policy(ingress("x/q", is("pod", "b"), {rule({podsIn(is("ns", "y"), is("pod", "a"))})}))
          .deny({"y/a", "z/a"}, "x/a", tcp(80))
          .allow("y/a", "x/b", tcp(80)),
      CaseBuilder("a finished pod's policies do not isolate the pod that has its address now", {44})
          .edit("x/b", leftBehind(PodPhase::Failed, "x/a"))
          .edit("x/c", leftBehind(PodPhase::Succeeded, "y/a"))
          .policy(bothWays("x/p", in("pod", {"b", "c"})))
          .allow("z/a", {"x/a", "y/a"}, tcp(80))
          .allow({"x/a", "y/a"}, "z/a", tcp(80)),
      CaseBuilder("a finished pod's named ports are not those of the pod that has its address",
                  {44})
          .edit("x/b", leftBehind(PodPhase::Succeeded, "x/a"))
          .containerPorts("x/a", {{"web", Protocol::Tcp, 80}})
          .containerPorts("x/b", {{"web", Protocol::Tcp, 8080}})
          .policy(ingress("x/p", everything(), {anyPeer({named("web")})}))
          .policy(egress("z/p", is("pod", "a"), {anyPeer({named("web")})}))
          .allow({"y/a", "z/a"}, "x/a", tcp(80))
          .deny({"y/a", "z/a"}, "x/a", tcp(8080)),
      CaseBuilder("a pod that still reports a reused address does not count", {44})
          .edit("y/b", leftBehind(PodPhase::Running, "y/c"))
          .edit("x/b", leftBehind(PodPhase::Running, "x/c"))
          .policy(ingress("x/p", is("pod", "a"), {rule({podsIn(is("ns", "y"), is("pod", "b"))})}))
          .policy(bothWays("x/q", is("pod", "b")))
          .deny({"y/a", "y/c"}, "x/a", tcp(80))
          .allow("y/a", "x/c", tcp(80))
          .allow("x/c", "y/a", tcp(80)),
      CaseBuilder("both addresses of a pod are isolated, and both are peers", {45})
          .policy(ingress("x/p", is("pod", "a"), {rule({podsIn(is("ns", "y"), is("pod", "a"))})}))
          .onlyIn(Family::V4)
          .allow("y/a", "x/a", tcp(80))
          .deny("y/b", "x/a", tcp(80))
          .onlyIn(Family::V6)
          .allow("y/a", "x/a", tcp(80))
          .deny("y/b", "x/a", tcp(80)),
      CaseBuilder("policies for namespaces and pods that do not exist yet affect no other pod",
                  {47})
          .policy(bothWays("nowhere/deny", everything()))
          .policy(bothWays("x/deny", is("pod", "later")))
          .policy(ingress("y/p", is("pod", "a"), {rule({namespaces(is("ns", "later"))})}))
          .allow("y/b", {"x/a", "z/a"}, tcp(80))
          .allow("x/a", {"y/b", "z/a"}, tcp(80))
          .deny({"x/a", "z/a"}, "y/a", tcp(80)),
      CaseBuilder("a policy applies before its namespace object is received", {47})
          .removeNamespace("x")
          .policy(ingress("x/p", is("pod", "a"), {rule({pods(is("pod", "b"))})}))
          .allow("x/b", "x/a", tcp(80))
          .deny({"x/c", "y/b"}, "x/a", tcp(80)),
  };
}

std::vector<PolicyCase> nameCases() {
  const std::string longName = "a" + std::string(251, 'p');  // one short of the limit
  const std::string longNamespace = std::string(62, 'n');
  const std::string ns1 = longNamespace + "1";
  const std::string ns2 = longNamespace + "2";
  return {
      CaseBuilder("names that collide when joined stay apart", {48})
          .emptyWorld()
          .addNamespace("a-b")
          .addNamespace("a")
          .addPod("a-b/c", labels({{"app", "one"}}))
          .addPod("a/b-c", labels({{"app", "one"}}))
          .addPod("a/client", labels({}))
          .policy(ingress("a-b/c", is("app", "one"), {anyPeer({port(80)})}))
          .policy(ingress("a/b-c", is("app", "one"), {anyPeer({port(81)})}))
          .allow("a/client", "a-b/c", tcp(80))
          .deny("a/client", "a-b/c", tcp(81))
          .allow("a/client", "a/b-c", tcp(81))
          .deny("a/client", "a/b-c", tcp(80)),
      CaseBuilder("policy names of 253 characters that differ in the last one stay apart", {48})
          .policy(ingress("x/" + longName + "1", is("pod", "a"), {anyPeer({port(80)})}))
          .policy(ingress("x/" + longName + "2", is("pod", "b"), {anyPeer({port(81)})}))
          .policy(egress("x/" + longName + "3", is("pod", "c"), {anyPeer({port(81)})}))
          .allow("y/a", "x/a", tcp(80))
          .deny("y/a", "x/a", tcp(81))
          .allow("y/a", "x/b", tcp(81))
          .deny("y/a", "x/b", tcp(80))
          .allow("x/c", "x/b", tcp(81))
          .deny("x/c", "x/a", {tcp(80), tcp(81)}),
      CaseBuilder("namespaces and pods with long names that share a prefix stay apart", {48})
          .emptyWorld()
          .addNamespace(ns1, labels({{"tier", "one"}}))
          .addNamespace(ns2, labels({{"tier", "two"}}))
          .addNamespace("x", {})
          .addPod(ns1 + "/" + longName + "1", labels({{"app", "web"}}))
          .addPod(ns2 + "/" + longName + "1", labels({{"app", "web"}}))
          .addPod("x/a", labels({}))
          .policy(ingress(ns1 + "/p", everything()))
          .policy(ingress("x/p", everything(), {rule({namespaces(is("tier", "two"))})}))
          .deny("x/a", (ns1 + "/" + longName + "1").c_str(), tcp(80))
          .allow("x/a", (ns2 + "/" + longName + "1").c_str(), tcp(80))
          .deny((ns1 + "/" + longName + "1").c_str(), "x/a", tcp(80))
          .allow((ns2 + "/" + longName + "1").c_str(), "x/a", tcp(80)),
      CaseBuilder("dots and dashes in names are part of the names", {48})
          .policy(ingress("x/p.q", is("pod", "a"), {anyPeer({port(80)})}))
          .policy(ingress("x/p-q", is("pod", "a"), {anyPeer({port(81)})}))
          .policy(ingress("x/p--q", is("pod", "b"), {anyPeer({port(443)})}))
          .policy(ingress("x/p", is("pod", "c")))
          .allow("y/a", "x/a", {tcp(80), tcp(81)})
          .deny("y/a", "x/a", tcp(443))
          .allow("y/a", "x/b", tcp(443))
          .deny("y/a", "x/b", {tcp(80), tcp(81)})
          .deny("y/a", "x/c", {tcp(80), tcp(81), tcp(443)}),
  };
}

}  // namespace

std::vector<PolicyCase> podCases() {
  std::vector<PolicyCase> all;
  for (const auto& part : {nodeCases(), hostNetworkCases(), lifecycleCases(), nameCases()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace kpol::test
