// SPDX-License-Identifier: Apache-2.0
// Pods, Namespaces, Nodes, and the metadata that every kind has.
#include "policy/objects.hpp"
#include "tests/kube/faults.hpp"
#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

namespace kpol::kube::testing {
namespace {

using policy::Namespace;
using policy::Node;
using policy::Pod;
using policy::PodPhase;
using Lines = std::vector<std::string>;
using test::ip;

std::string podWith(const std::string& rest) {
  return "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n" + rest;
}

void checkPodFault(const std::string& rest, const std::string& expected) {
  EXPECT_EQ(faultsOf(podWith(rest)), (Lines{"error Pod default/web: " + expected})) << rest;
}

TEST(DecodePod, EveryField) {
  const Pod expected{{"shop", "web-0"},
                     "4c3f",
                     "node-1",
                     true,
                     PodPhase::Running,
                     labels({{"app", "web"}, {"kubernetes.io/x", ""}}),
                     {ip("10.1.0.5"), ip("fd00::5")},
                     {{"", base::Protocol::Sctp, 9}, {"http", base::Protocol::Tcp, 80}},
                     false,
                     1704067200};
  EXPECT_EQ(read<Pod>(R"(
apiVersion: v1
kind: Pod
metadata:
  name: web-0
  namespace: shop
  uid: 4c3f
  labels: {kubernetes.io/x: "", app: web}
  annotations: {a: b}
  creationTimestamp: 2024-01-01T00:00:00Z
spec:
  nodeName: node-1
  hostNetwork: true
  containers:
  - name: a
    ports:
    - {containerPort: 80, name: http, hostPort: 8080}
    - {containerPort: 9, protocol: SCTP}
  - name: b
    ports: [{containerPort: 80, name: http, protocol: TCP}]
status:
  phase: Running
  podIP: 10.1.0.5
  podIPs: [{ip: 'fd00::5'}, {ip: 10.1.0.5}]
)"),
            expected);
}

TEST(DecodePod, ConfigHashOfAMirrorPod) {
  const auto hashOf = [](const std::string& annotations) {
    const auto pod = decodeObject(
        Kind::Pod, R"({"metadata":{"name":"web","annotations":{)" + annotations + "}}}",
        Origin::ApiServer);
    EXPECT_EQ(lines(pod.diagnostics), Lines{}) << annotations;
    return std::get<Pod>(*pod.object).configHash;
  };
  EXPECT_EQ(hashOf(R"("a":"b","kubernetes.io/config.source":"file")"), "");
  EXPECT_EQ(hashOf(R"("kubernetes.io/config.hash":"4f2a","b":{"c":[]})"), "4f2a");
  EXPECT_EQ(hashOf(R"("kubernetes.io/config.mirror":"4f2b","z":"")"), "4f2b");
}

TEST(DecodePod, UnusedPartsAreSkippedOnlyAtTheirPlace) {
  const auto result = decodeObject(Kind::Pod, R"({
    "metadata": {"managedFields": [{"fieldsV1": {"labels": [1, {"a": {}}]}}, []],
                 "labels": {"annotations": "a", "conditions": "b", "managedFields": "c"},
                 "annotations": {"a": null}, "name": "web", "ownerReferences": []},
    "spec": {"volumes": [{}, {"spec": 1}], "containers": [
                {"env": [{"name": "A"}], "ports": [{"containerPort": 1, "name": "env"}]},
                {"args": [], "name": "b", "ports": [{"containerPort": 2}], "resources": 7}],
             "tolerations": null, "nodeName": "volumes"},
    "status": {"conditions": "x", "podIP": "10.0.0.1", "containerStatuses": [[[]]]}
  })",
                                   Origin::Manifest);
  EXPECT_EQ(lines(result.diagnostics), Lines{});
  EXPECT_EQ(result.object,
            Object(Pod{{"default", "web"},
                       "",
                       "volumes",
                       false,
                       PodPhase::Pending,
                       labels({{"annotations", "a"}, {"conditions", "b"}, {"managedFields", "c"}}),
                       {ip("10.0.0.1")},
                       {{"", base::Protocol::Tcp, 2}, {"env", base::Protocol::Tcp, 1}}}));
}

TEST(DecodePod, WithoutStatusItIsPendingAndHasANetwork) {
  const Pod expected{{"default", "web"}, "", "", false, PodPhase::Pending, {}, {}, {}};
  EXPECT_EQ(read<Pod>(podWith("")), expected);
  EXPECT_EQ(read<Pod>(podWith("spec: null\nstatus: {}")), expected);
  EXPECT_EQ(read<Pod>(podWith("status: {phase: '', podIP: '', podIPs: []}")), expected);
}

TEST(DecodePod, Phases) {
  const auto phase = [](const std::string& text) {
    return read<Pod>(podWith("status: {phase: " + text + "}")).phase;
  };
  EXPECT_EQ(phase("Pending"), PodPhase::Pending);
  EXPECT_EQ(phase("Running"), PodPhase::Running);
  EXPECT_EQ(phase("Succeeded"), PodPhase::Succeeded);
  EXPECT_EQ(phase("Failed"), PodPhase::Failed);
  EXPECT_EQ(phase("Unknown"), PodPhase::Unknown);
  checkPodFault("status: {phase: running}",
                "status.phase: must be Pending, Running, Succeeded, Failed or Unknown, found "
                "\"running\"");
}

TEST(DecodePod, TimesOfCreationAndDeletion) {
  const auto pod = [](const std::string& metadata) {
    return decodeObject(Kind::Pod, R"({"metadata": {"name": "web", )" + metadata + "}}",
                        Origin::Manifest);
  };
  const auto created = [&](const std::string& time) {
    return std::get<Pod>(*pod(R"("creationTimestamp": ")" + time + '"').object).created;
  };
  EXPECT_EQ(created("1970-01-01T00:00:01Z"), 1U);
  EXPECT_EQ(created("2026-02-28T23:59:59Z"), 1772323199U);
  EXPECT_EQ(created("2024-02-29T12:00:00Z"), 1709208000U);
  for (const char* wrong :
       {"2023-02-29T12:00:00Z", "2026-01-01", "2026-01-01 00:00:00Z", "2026-01-01T24:00:00Z",
        "1969-01-01T00:00:00Z", "2106-12-01T00:00:00Z", "-026-01-01T00:00:00Z", "yesterday"}) {
    EXPECT_EQ(created(wrong), 0U) << wrong;
    EXPECT_EQ(lines(pod(std::string(R"("creationTimestamp": ")") + wrong + '"').diagnostics).size(),
              1U)
        << wrong;
  }
  EXPECT_EQ(lines(pod(R"("creationTimestamp": null)").diagnostics), Lines{});
  const auto terminating = [&](const std::string& time) {
    return std::get<Pod>(*pod(R"("deletionTimestamp": )" + time).object).terminating;
  };
  EXPECT_TRUE(terminating("\"2026-01-01T00:00:00Z\""));
  EXPECT_FALSE(terminating("null"));
}

TEST(DecodePod, PodIpIsUsedWithoutPodIps) {
  EXPECT_EQ(read<Pod>(podWith("status: {podIP: 10.0.0.1}")).ips, (std::vector{ip("10.0.0.1")}));
}

TEST(DecodePod, PortsOfSidecarsAreUsedAndThoseOfInitContainersAreNot) {
  const auto pod = read<Pod>(podWith(R"(
spec:
  containers: [{name: a}]
  initContainers:
  - {name: b, restartPolicy: Always, ports: [{containerPort: 1, name: side}]}
  - {name: c, ports: [{containerPort: 2, name: init}]}
  - {name: d, restartPolicy: Never, ports: [{containerPort: 3}]}
)"));
  EXPECT_EQ(pod.ports, (std::vector<policy::ContainerPort>{{"side", base::Protocol::Tcp, 1}}));
}

TEST(DecodePod, Faults) {
  checkPodFault("spec: web", "spec: must be an object, found \"web\"");
  checkPodFault("status: 1", "status: must be an object, found the number 1");
  checkPodFault("spec: {hostNetwork: 'true'}",
                "spec.hostNetwork: must be true or false, found \"true\"");
  checkPodFault("spec: {nodeName: 1}",
                "spec.nodeName: must be a string, found the number 1 (quote it)");
  checkPodFault("spec: {containers: {}}", "spec.containers: must be a list, found an object");
  checkPodFault("spec: {containers: [a]}", "spec.containers[0]: must be an object, found \"a\"");
  checkPodFault("status: {podIPs: [{ip: 10.0.0}]}",
                "status.podIPs[0].ip: must be an IP address, found \"10.0.0\"");
  checkPodFault("status: {podIPs: ['10.0.0.1']}",
                "status.podIPs[0]: must be an object, found \"10.0.0.1\"");
  checkPodFault("status: {podIP: 10.0.0.1/24}",
                "status.podIP: must be an IP address, found \"10.0.0.1/24\"");
  checkPodFault("status: {podIP: 10.00.0.1}",
                "status.podIP: must be an IP address, found \"10.00.0.1\"");
}

TEST(DecodePod, ContainerPortFaults) {
  const auto check = [](const std::string& port, const std::string& expected) {
    checkPodFault("spec: {containers: [{}, {ports: [" + port + "]}]}",
                  "spec.containers[1].ports[0]" + expected);
  };
  check("{}", ".containerPort: is required");
  check("{containerPort: 0}", ".containerPort: must be 1..65535, found the number 0");
  check("{containerPort: 65536}", ".containerPort: must be 1..65535, found the number 65536");
  check("{containerPort: '80'}", ".containerPort: must be an integer, found \"80\"");
  check("{containerPort: 80, protocol: HTTP}",
        ".protocol: must be TCP, UDP or SCTP, found \"HTTP\"");
  check("{containerPort: 80, name: name-that-is-too-long}",
        ".name: must have at most 15 characters, found \"name-that-is-too-long\"");
  check("80", ": must be an object, found the number 80");
}

TEST(DecodeNamespace, AlwaysHasItsNameAsALabel) {
  EXPECT_EQ(read<Namespace>("{apiVersion: v1, kind: Namespace, metadata: {name: shop}}"),
            (Namespace{"shop", labels({{"kubernetes.io/metadata.name", "shop"}})}));
  EXPECT_EQ(read<Namespace>("{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: {a: "
                            "b, kubernetes.io/metadata.name: shop}}}"),
            (Namespace{"shop", labels({{"a", "b"}, {"kubernetes.io/metadata.name", "shop"}})}));
}

TEST(DecodeNamespace, AnotherNameInTheLabelIsIgnored) {
  const std::string text =
      "{apiVersion: v1, kind: Namespace, metadata: {name: shop, labels: "
      "{kubernetes.io/metadata.name: other}}}";
  EXPECT_EQ(faultsOf(text),
            (Lines{"warning Namespace shop: metadata.labels: kubernetes.io/metadata.name is always "
                   "the name of the Namespace; \"other\" is ignored"}));
  EXPECT_EQ(
      readManifests(text, "x").objects,
      (std::vector<Object>{Namespace{"shop", labels({{"kubernetes.io/metadata.name", "shop"}})}}));
}

TEST(DecodeNode, EveryField) {
  const Node expected{"node-1",
                      labels({{"zone", "a"}}),
                      {ip("10.0.0.1"), ip("192.0.2.1"), ip("fd00::1")},
                      {*base::Prefix::parse("10.244.1.0/24"), *base::Prefix::parse("fd00:1::/64")},
                      {ip("fd00::1"), ip("10.0.0.1")},
                      true};
  EXPECT_EQ(read<Node>(R"(
apiVersion: v1
kind: Node
metadata: {name: node-1, labels: {zone: a}}
spec:
  podCIDR: 10.244.1.0/24
  podCIDRs: [10.244.1.0/24, 'fd00:1::/64']
  taints:
  - {key: node.kubernetes.io/network-unavailable, effect: NoSchedule}
  - {key: node.kubernetes.io/not-ready, effect: NoSchedule}
status:
  addresses:
  - {type: InternalIP, address: 'fd00::1'}
  - {type: InternalIP, address: 10.0.0.1}
  - {type: ExternalIP, address: 192.0.2.1}
  - {type: Hostname, address: node-1}
  - {type: Hostname, address: 10.0.0.1}
)"),
            expected);
}

TEST(DecodeNode, PodCidrIsUsedWithoutPodCidrs) {
  EXPECT_EQ(read<Node>("{apiVersion: v1, kind: Node, metadata: {name: node-1}, spec: {podCIDR: "
                       "10.244.1.0/24}}")
                .podCidrs,
            (std::vector{*base::Prefix::parse("10.244.1.0/24")}));
}

TEST(DecodeNode, Faults) {
  EXPECT_EQ(
      faultsOf("{apiVersion: v1, kind: Node, metadata: {name: node-1}, spec: {podCIDRs: [x]}, "
               "status: {addresses: [{type: InternalIP, address: x}]}}"),
      (Lines{"error Node node-1: status.addresses[0].address: must be an IP address, found \"x\"",
             "error Node node-1: spec.podCIDRs[0]: must be a CIDR such as 10.0.0.0/8 or fd00::/8, "
             "found \"x\""}));
}

// `metadata` of a Pod, as YAML.
void checkMetadata(const std::string& metadata, const Lines& expected) {
  EXPECT_EQ(faultsOf("apiVersion: v1\nkind: Pod\nmetadata: " + metadata), expected) << metadata;
}

TEST(DecodeMetadata, ANameIsRequired) {
  const Lines missing{"error metadata.name: is required in a Pod"};
  for (const char* metadata : {"", "{}", "{name: ''}", "{name: null}", "{generateName: web-}"}) {
    checkMetadata(metadata, missing);
  }
  checkMetadata("{name: 1}",
                {"error metadata.name: must be a string, found the number 1 (quote it)"});
  checkMetadata("web", {"error metadata: must be an object, found \"web\"",
                        "error metadata.name: is required in a Pod"});
}

TEST(DecodeMetadata, NamesOfEveryAllowedLengthAreAccepted) {
  const std::string longName = std::string(249, 'a') + ".b-c";
  const std::string longNamespace(63, 'n');
  const auto pod = read<Pod>("{apiVersion: v1, kind: Pod, metadata: {name: " + longName +
                             ", namespace: " + longNamespace + "}}");
  EXPECT_EQ(pod.key, (base::ObjectKey{longNamespace, longName}));
}

TEST(DecodeMetadata, InvalidNamesAreRejected) {
  const std::string rule =
      "must be lower case letters, digits, '-' and '.', with a letter or digit at both ends of "
      "every part, found ";
  checkMetadata("{name: Web}", {"error Pod default/Web: metadata.name: " + rule + "\"Web\""});
  const std::string tooLong(254, 'a');
  checkMetadata("{name: " + tooLong + "}",
                {"error Pod default/" + tooLong +
                 ": metadata.name: must have at most 253 characters, found \"" +
                 tooLong.substr(0, 80) + "...\""});
  checkMetadata("{name: web, namespace: a.b}",
                {"error Pod a.b/web: metadata.namespace: must be lower case letters, digits and "
                 "'-', with a letter or digit at both ends, found \"a.b\""});
  EXPECT_EQ(faultsOf("{apiVersion: v1, kind: Namespace, metadata: {name: a.b}}"),
            (Lines{"error Namespace a.b: metadata.name: must be lower case letters, digits and "
                   "'-', with a letter or digit at both ends, found \"a.b\""}));
}

TEST(DecodeMetadata, LabelFaults) {
  checkMetadata("{name: web, labels: {a: 1}}",
                {"error Pod default/web: metadata.labels[a]: must be a string, found the number 1 "
                 "(quote it)"});
  checkMetadata("{name: web, labels: [a]}",
                {"error Pod default/web: metadata.labels: must be an object, found a list"});
}

TEST(DecodeMetadata, ClusterScopedKindsHaveNoNamespace) {
  EXPECT_EQ(
      faultsOf("{apiVersion: v1, kind: Node, metadata: {name: node-1, namespace: shop}}"),
      (Lines{"error Node node-1: metadata.namespace: must not be set on a cluster-scoped kind"}));
}

TEST(DecodeMetadata, TextInMessagesIsEscaped) {
  checkMetadata("{name: web, uid: [], labels: {\"a\\nb\": x}}",
                {"error Pod default/web: metadata.uid: must be a string, found a list",
                 "error Pod default/web: metadata.labels[a\\x0ab]: must have a name of letters, "
                 "digits, '-', '_' and '.', with a letter or digit at both ends, found the key "
                 "\"a\\x0ab\""});
}

}  // namespace
}  // namespace kpol::kube::testing
