// SPDX-License-Identifier: Apache-2.0
#include "tests/support/policy_case_builder.hpp"

namespace kpol::test {
namespace {

std::vector<PolicyCase> peerCases() {
  return {
      CaseBuilder("an empty podSelector peer is every pod of the policy's namespace", {12})
          .policy(ingress("x/p", is("pod", "a"), {rule({pods(everything())})}))
          .allow({"x/b", "x/c"}, "x/a", everyProtocol())
          .deny({"y/a", "y/b", "z/c"}, "x/a", everyProtocol())
          .deny({"off-cluster", "other-node"}, "x/a", tcp(80)),
      CaseBuilder("a podSelector peer alone looks in the policy's namespace only", {12})
          .policy(ingress("x/p", is("pod", "a"), {rule({pods(is("pod", "b"))})}))
          .policy(egress("y/p", is("pod", "a"), {rule({pods(is("pod", "b"))})}))
          .allow("x/b", "x/a", tcp(80))
          .deny({"y/b", "z/b", "x/c"}, "x/a", tcp(80))
          .allow("y/a", "y/b", tcp(80))
          .deny("y/a", {"x/b", "z/b", "y/c"}, tcp(80)),
      CaseBuilder("a namespaceSelector peer alone is every pod of those namespaces", {12})
          .policy(ingress("x/p", is("pod", "a"), {rule({namespaces(is("ns", "y"))})}))
          .allow({"y/a", "y/b", "y/c"}, "x/a", tcp(80))
          .deny({"x/b", "z/a"}, "x/a", tcp(80)),
      CaseBuilder("a namespaceSelector can mean the policy's own namespace", {12})
          .policy(ingress("x/p", is("pod", "a"), {rule({namespaces(in("ns", {"x", "z"}))})}))
          .allow({"x/b", "x/c", "z/a"}, "x/a", tcp(80))
          .deny("y/a", "x/a", tcp(80)),
      CaseBuilder("both selectors in one peer must hold", {12})
          .policy(ingress("x/p", is("pod", "a"), {rule({podsIn(is("ns", "y"), is("pod", "b"))})}))
          .allow("y/b", "x/a", everyProtocol())
          .deny({"x/b", "z/b", "y/a", "y/c"}, "x/a", everyProtocol()),
      CaseBuilder("of two peers one is enough", {12})
          .policy(ingress("x/p", is("pod", "a"),
                          {rule({namespaces(is("ns", "y")), pods(is("pod", "b"))})}))
          .allow({"y/a", "y/b", "y/c", "x/b"}, "x/a", tcp(80))
          .deny({"x/c", "z/b"}, "x/a", tcp(80)),
      CaseBuilder("the empty namespaceSelector admits every pod and nothing else", {12, 17})
          .policy(ingress("x/p", is("pod", "a"), {rule({namespaces(everything())})}))
          .allow({"x/b", "y/a", "z/c"}, "x/a", everyProtocol())
          .deny({"off-cluster", "other-node"}, "x/a", {tcp(80), udp(80)}),
      CaseBuilder("the empty namespaceSelector lets out to every pod and nowhere else", {12, 17})
          .policy(egress("x/p", is("pod", "a"), {rule({namespaces(everything())})}))
          .allow("x/a", {"x/b", "y/a", "z/c"}, everyProtocol())
          .deny("x/a", {"off-cluster", "other-node"}, {tcp(80), udp(80)}),
      CaseBuilder("two empty selectors in one peer are every pod and nothing else", {12, 17})
          .policy(ingress("x/p", is("pod", "a"), {rule({podsIn(everything(), everything())})}))
          .allow({"x/b", "y/a", "z/c"}, "x/a", tcp(80))
          .deny({"off-cluster", "other-node"}, "x/a", tcp(80)),
      CaseBuilder("an empty namespaceSelector with a podSelector is those pods anywhere", {12})
          .policy(ingress("x/p", is("pod", "a"), {rule({podsIn(everything(), is("pod", "b"))})}))
          .allow({"x/b", "y/b", "z/b"}, "x/a", tcp(80))
          .deny({"x/c", "y/a", "z/c"}, "x/a", tcp(80)),
      CaseBuilder("an empty podSelector with a namespaceSelector is all pods there", {12})
          .policy(egress("x/p", is("pod", "a"), {rule({podsIn(is("ns", "z"), everything())})}))
          .allow("x/a", {"z/a", "z/b", "z/c"}, tcp(80))
          .deny("x/a", {"x/b", "y/a"}, tcp(80)),
      CaseBuilder("the name label selects a namespace", {16})
          .policy(ingress("x/p", is("pod", "a"),
                          {rule({namespaces(is("kubernetes.io/metadata.name", "y"))})}))
          .allow({"y/a", "y/b"}, "x/a", tcp(80))
          .deny({"x/b", "z/a"}, "x/a", tcp(80)),
      CaseBuilder("a namespace not yet received is known by its name only", {16, 18})
          .removeNamespace("y")
          .policy(ingress("x/by-name", is("pod", "a"),
                          {rule({namespaces(is("kubernetes.io/metadata.name", "y"))})}))
          .policy(ingress("x/by-label", is("pod", "b"), {rule({namespaces(is("ns", "y"))})}))
          .policy(ingress("x/by-lack", is("pod", "c"), {rule({namespaces(lacks("ns"))})}))
          .allow("y/a", "x/a", tcp(80))
          .deny("y/a", {"x/b", "x/c"}, tcp(80))
          .deny("z/a", {"x/a", "x/b", "x/c"}, tcp(80)),
      CaseBuilder("a namespace not yet received may have the label that a selector excludes",
                  {13, 16, 18})
          .removeNamespace("y")
          .policy(ingress("x/by-exclusion", is("pod", "a"),
                          {rule({namespaces(notIn("env", {"test"}))})}))
          .policy(ingress("x/by-name-and-exclusion", is("pod", "b"),
                          {rule({namespaces(allOf({is("kubernetes.io/metadata.name", "y"),
                                                   notIn("env", {"test"})}))})}))
          .policy(ingress("x/by-excluded-name", is("pod", "c"),
                          {rule({namespaces(notIn("kubernetes.io/metadata.name", {"x"}))})}))
          .allow("z/a", {"x/a", "x/c"}, tcp(80))
          .deny("y/a", {"x/a", "x/b"}, tcp(80))
          .allow("y/a", "x/c", tcp(80)),
      CaseBuilder("every namespace matches the empty selector, also one not yet received", {12, 18})
          .removeNamespace("y")
          .policy(ingress("x/p", is("pod", "a"), {rule({namespaces(everything())})}))
          .allow({"y/a", "z/a"}, "x/a", tcp(80)),
  };
}

std::vector<PolicyCase> requirementCases() {
  const auto labelled = [](const char* name, std::vector<int> items) {
    CaseBuilder builder(name, std::move(items));
    builder.relabel("y/a", labels({{"app", "web"}, {"tier", "front"}}))
        .relabel("y/b", labels({{"app", "web"}}))
        .relabel("y/c", labels({{"app", ""}, {"tier", "back"}}))
        .relabel("z/a", labels({}))
        .relabel("z/b", labels({{"app", "Web"}, {"tier", "front"}}))
        .relabel("z/c", labels({{"App", "web"}, {"app", "db"}}));
    return builder;
  };
  const auto admit = [](const policy::LabelSelector& podSelector) {
    return ingress("x/p", is("pod", "a"), {rule({podsIn(everything(), podSelector)})});
  };
  return {
      labelled("NotIn matches pods without the key", {13})
          .policy(admit(notIn("app", {"web"})))
          .allow({"y/c", "z/a", "z/b", "z/c", "x/b"}, "x/a", tcp(80))
          .deny({"y/a", "y/b"}, "x/a", tcp(80)),
      labelled("an empty matchLabels value needs the key", {14})
          .policy(admit(is("app", "")))
          .allow("y/c", "x/a", tcp(80))
          .deny({"y/a", "y/b", "z/a", "z/b", "x/b"}, "x/a", tcp(80)),
      labelled("an empty value among In values needs the key", {14})
          .policy(admit(in("app", {"", "db"})))
          .allow({"y/c", "z/c"}, "x/a", tcp(80))
          .deny({"y/a", "z/a", "x/b"}, "x/a", tcp(80)),
      labelled("matchLabels and matchExpressions must all hold", {15})
          .policy(admit(allOf({is("app", "web"), in("tier", {"front", "back"})})))
          .allow("y/a", "x/a", tcp(80))
          .deny({"y/b", "y/c", "z/a", "z/b", "z/c"}, "x/a", tcp(80)),
      labelled("two requirements on one key must both hold", {15})
          .policy(admit(allOf({in("app", {"web", "db"}), notIn("app", {"web", "mail"})})))
          .allow("z/c", "x/a", tcp(80))
          .deny({"y/a", "y/b", "y/c", "z/a", "z/b"}, "x/a", tcp(80)),
      labelled("two In requirements on one key mean what they share", {15})
          .policy(admit(allOf({in("app", {"web", "db"}), in("app", {"", "web"})})))
          .allow({"y/a", "y/b"}, "x/a", tcp(80))
          .deny({"y/c", "z/a", "z/b", "z/c"}, "x/a", tcp(80)),
      labelled("a contradictory peer selector matches no pod and isolates", {15, 6})
          .policy(admit(allOf({is("app", "web"), lacks("app")})))
          .deny({"y/a", "y/b", "y/c", "z/a", "x/b"}, "x/a", tcp(80)),
      CaseBuilder("a contradictory podSelector isolates no pod", {15})
          .policy(bothWays("x/p", allOf({in("pod", {"a", "b"}), in("pod", {"c"})})))
          .allow({"x/a", "y/a"}, {"x/b", "x/c"}, tcp(80)),
      labelled("keys and values are case-sensitive", {15})
          .policy(admit(is("app", "Web")))
          .policy(ingress("x/q", is("pod", "b"), {rule({podsIn(everything(), has("App"))})}))
          .allow("z/b", "x/a", tcp(80))
          .deny({"y/a", "y/b", "z/c"}, "x/a", tcp(80))
          .allow("z/c", "x/b", tcp(80))
          .deny({"y/a", "z/b"}, "x/b", tcp(80)),
      labelled("Exists requires the key with any value", {15})
          .policy(admit(has("app")))
          .allow({"y/a", "y/b", "y/c", "z/b", "z/c"}, "x/a", tcp(80))
          .deny({"z/a", "x/b"}, "x/a", tcp(80)),
      labelled("DoesNotExist requires the absence of the key", {15})
          .policy(admit(lacks("tier")))
          .allow({"y/b", "z/a", "z/c", "x/b"}, "x/a", tcp(80))
          .deny({"y/a", "y/c", "z/b"}, "x/a", tcp(80)),
      labelled("Exists and NotIn on one key is any other value", {13, 15})
          .policy(admit(allOf({has("app"), notIn("app", {"web", ""})})))
          .allow({"z/b", "z/c"}, "x/a", tcp(80))
          .deny({"y/a", "y/b", "y/c", "z/a"}, "x/a", tcp(80)),
      labelled("one selector in two spellings, in two policies and directions", {12, 15})
          .policy(admit(is("app", "web")))
          .policy(
              ingress("x/q", is("pod", "b"), {rule({podsIn(everything(), in("app", {"web"}))})}))
          .policy(egress("x/r", is("pod", "c"),
                         {rule({podsIn(everything(), allOf({has("app"), in("app", {"web"})}))})}))
          .allow({"y/a", "y/b"}, {"x/a", "x/b"}, tcp(80))
          .deny({"y/c", "z/b", "z/c"}, {"x/a", "x/b"}, tcp(80))
          .allow("x/c", {"y/a", "y/b"}, tcp(80))
          .deny("x/c", {"y/c", "z/b", "z/c"}, tcp(80)),
      labelled("labels with a prefix in the key are labels like others", {15})
          .relabel("y/a", labels({{"app.kubernetes.io/name", "web"}}))
          .relabel("y/b", labels({{"name", "web"}}))
          .policy(admit(is("app.kubernetes.io/name", "web")))
          .allow("y/a", "x/a", tcp(80))
          .deny({"y/b", "z/a"}, "x/a", tcp(80)),
      CaseBuilder("NotIn in a podSelector isolates pods without the key", {13})
          .relabel("x/c", labels({}))
          .policy(ingress("x/p", notIn("pod", {"a"})))
          .allow("y/a", "x/a", tcp(80))
          .deny("y/a", {"x/b", "x/c"}, tcp(80)),
  };
}

std::vector<PolicyCase> namespaceCases() {
  const auto relabelled = [](const char* name, std::vector<int> items) {
    CaseBuilder builder(name, std::move(items));
    builder.addNamespace("y", labels({{"team", "blue"}, {"env", "prod"}}))
        .addNamespace("z", labels({{"env", "test"}}));
    return builder;
  };
  const auto admit = [](const policy::LabelSelector& namespaceSelector) {
    return ingress("x/p", is("pod", "a"), {rule({namespaces(namespaceSelector)})});
  };
  return {
      relabelled("NotIn matches namespaces without the key", {13})
          .policy(admit(notIn("team", {"blue"})))
          .allow({"z/a", "x/b"}, "x/a", tcp(80))
          .deny({"y/a", "y/b"}, "x/a", tcp(80)),
      relabelled("NotIn on the name label is every other namespace", {13, 16})
          .policy(admit(notIn("kubernetes.io/metadata.name", {"x", "y"})))
          .allow("z/a", "x/a", tcp(80))
          .deny({"y/a", "x/b"}, "x/a", tcp(80)),
      relabelled("a namespace is matched by its current labels", {18})
          .policy(admit(is("ns", "y")))
          .policy(ingress("x/q", is("pod", "b"), {rule({namespaces(is("team", "blue"))})}))
          .deny({"y/a", "z/a"}, "x/a", tcp(80))
          .allow("y/a", "x/b", tcp(80))
          .deny("z/a", "x/b", tcp(80)),
      CaseBuilder("a pod is matched as target and peer by its current labels", {18})
          .relabel("x/b", labels({{"pod", "a"}}))
          .relabel("y/a", labels({{"pod", "b"}}))
          .policy(ingress("x/p", is("pod", "a"), {rule({podsIn(is("ns", "y"), is("pod", "a"))})}))
          .policy(ingress("x/q", is("pod", "c"), {rule({podsIn(is("ns", "y"), is("pod", "b"))})}))
          .deny({"y/a", "y/b"}, {"x/a", "x/b"}, tcp(80))
          .allow({"y/a", "y/b"}, "x/c", tcp(80)),
      relabelled("both selectors of a peer may use several requirements", {12, 15})
          .policy(ingress("x/p", is("pod", "a"),
                          {rule({podsIn(allOf({has("team"), in("env", {"prod"})}),
                                        notIn("pod", {"a", "c"}))})}))
          .allow("y/b", "x/a", tcp(80))
          .deny({"y/a", "y/c", "z/b", "x/b"}, "x/a", tcp(80)),
      CaseBuilder("six peers in one rule, overlapping", {12, 26})
          .policy(ingress("x/p", is("pod", "a"),
                          {rule({namespaces(is("ns", "y")), podsIn(is("ns", "y"), is("pod", "a")),
                                 podsIn(everything(), is("pod", "b")), pods(is("pod", "b")),
                                 podsIn(is("ns", "z"), is("pod", "c")),
                                 podsIn(in("ns", {"z"}), in("pod", {"c"}))},
                                {port(80)})}))
          .allow({"y/a", "y/b", "y/c", "x/b", "z/b", "z/c"}, "x/a", tcp(80))
          .deny({"x/c", "z/a"}, "x/a", tcp(80))
          .deny({"y/a", "z/c"}, "x/a", tcp(81)),
  };
}

}  // namespace

std::vector<PolicyCase> selectorCases() {
  std::vector<PolicyCase> all;
  for (const auto& part : {peerCases(), requirementCases(), namespaceCases()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace kpol::test
