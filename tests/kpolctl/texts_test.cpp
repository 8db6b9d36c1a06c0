// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/texts.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kpol::kpolctl {
namespace {

Json status() {
  return Json::parse(R"({
    "ready": true, "inSync": true, "version": "0.1.0", "node": "n1", "source": "dir:/m",
    "startedAt": 1000, "sourceSynced": true, "state": "Synced", "generation": 7,
    "committedGeneration": 7,
    "objects": {"pods": 3, "namespaces": 2, "networkPolicies": 1, "nodes": 0},
    "attachments": 2, "endpoints": 1,
    "table": {"name": "kpol", "owned": true, "chains": 12, "rules": 30, "sets": 10,
              "elements": 14},
    "commits": {"total": 4, "failures": 0, "batches": 4, "audits": 2, "drifts": 0},
    "fault": null, "diagnostics": []})");
}

TEST(StatusText, PrintsAllFields) {
  EXPECT_EQ(statusText(status(), 1000 + 3 * 3600),
            "Status        ready, in sync\n"
            "Node          n1\n"
            "Version       0.1.0, up 3h\n"
            "Source        dir:/m\n"
            "Objects       3 pods, 2 namespaces, 1 network policies, 0 nodes\n"
            "Attachments   2, of which 1 enforced\n"
            "Generation    7, committed 7\n"
            "Table         inet kpol, owned by kpold: 12 chains, 30 rules, 10 sets, 14 elements\n"
            "Kernel        4 commits, 0 failures, 2 audits, 0 repairs after third-party changes\n");
}

TEST(StatusText, NamesTheHolderIfReported) {
  auto json = status();
  json["table"]["held"] = true;
  EXPECT_NE(statusText(json, 1000).find("inet kpol, owned by kpold and held: 12 chains"),
            std::string::npos);
  json["table"]["held"] = false;
  EXPECT_NE(statusText(json, 1000).find("inet kpol, owned by kpold, not held: 12 chains"),
            std::string::npos);
}

TEST(StatusText, NamesTheNetworkConfigIfConfigured) {
  auto json = status();
  json["cniConfig"] = nullptr;
  EXPECT_EQ(statusText(json, 1000).find("CNI config"), std::string::npos);
  json["cniConfig"] = Json::parse(R"({"file": "/f", "written": true, "trouble": ""})");
  EXPECT_TRUE(statusText(json, 1000).ends_with("\nCNI config    /f, written\n"));
  json["cniConfig"] = Json::parse(R"({"file": "/f", "written": false, "trouble": "no Node"})");
  EXPECT_TRUE(statusText(json, 1000).ends_with("\nCNI config    /f, not written (see below)\n"));
  json["cniConfig"] =
      Json::parse(R"({"file": "/f", "written": true, "trouble": "", "shadowedBy": "/a"})");
  EXPECT_TRUE(statusText(json, 1000).ends_with("\nCNI config    /f, written (see below)\n"));
}

TEST(StatusText, CountsRoutesToOtherNodes) {
  auto json = status();
  json["network"] = Json::parse(R"({"routing": "auto", "mtu": 1450, "peers": [
    {"how": "direct"}, {"how": "vxlan"}, {"how": "direct"}, {"how": "none"}]})");
  EXPECT_TRUE(
      statusText(json, 1000)
          .ends_with("\nNetwork       auto, MTU 1450; 4 pod CIDRs of other nodes: 2 direct, 1 "
                     "unreachable, 1 vxlan\n"))
      << statusText(json, 1000);
  json["network"] = Json::parse(R"({"routing": "none", "mtu": 0, "peers": []})");
  EXPECT_TRUE(statusText(json, 1000).ends_with("\nNetwork       none\n"));
}

TEST(StatusText, CountsPodsWithoutAttachment) {
  auto json = status();
  json["unattachedPods"] = 0;
  EXPECT_EQ(statusText(json, 1000).find("Unattached"), std::string::npos);
  json["unattachedPods"] = 2;
  EXPECT_NE(statusText(json, 1000)
                .find("\nUnattached    2 pods, to whose addresses policies apply (see below)\n"),
            std::string::npos);
}

TEST(StatusText, CountsCutConnections) {
  auto json = status();
  json["established"] = Json::parse(R"({"mode": "cut", "cut": 3, "restored": 1, "failed": 0,
    "reviews": 17, "lastReviewSeconds": 0.1, "reviewPending": false})");
  EXPECT_TRUE(
      statusText(json, 1000)
          .ends_with("\nConnections   cut when forbidden: 3 cut, 1 restored in 17 reviews\n"))
      << statusText(json, 1000);
  json["established"]["failed"] = 2;
  json["established"]["reviewPending"] = true;
  EXPECT_TRUE(
      statusText(json, 1000).ends_with("in 17 reviews, 2 failures, a review is in progress\n"));
  json["established"]["mode"] = "keep";
  EXPECT_TRUE(statusText(json, 1000).ends_with("\nConnections   kept when forbidden\n"));
}

TEST(StatusText, CountsHostFirewalls) {
  auto json = status();
  json["hostFirewalls"] = Json::array();
  EXPECT_EQ(statusText(json, 1000).find("Host firewall"), std::string::npos);
  json["hostFirewalls"] = Json::parse(R"([{"where": "w", "effect": "e"}])");
  EXPECT_TRUE(
      statusText(json, 1000)
          .ends_with(
              "\nHost firewall   third-party filters that drop packets of pods: 1 (see below)\n"));
}

TEST(StatusText, EndsWithDiagnostics) {
  auto json = status();
  json["diagnostics"] = Json::parse(R"([
    {"severity": "error", "object": "NetworkPolicy shop/a", "field": "spec.x", "message": "is bad"},
    {"severity": "warning", "object": "", "field": "", "message": "f.yaml: kind Foo is ignored"}
  ])");
  const auto text = statusText(json, 1000);
  EXPECT_TRUE(
      text.ends_with("\n\nerror: NetworkPolicy shop/a: spec.x: is bad\n"
                     "warning: f.yaml: kind Foo is ignored\n"))
      << text;
}

TEST(StatusLine, NamesTheFirstError) {
  auto json = status();
  EXPECT_EQ(statusLine(json), "ready, in sync");
  json["inSync"] = false;
  EXPECT_EQ(statusLine(json), "not in sync: a commit is in progress");
  json["ready"] = false;
  EXPECT_EQ(statusLine(json), "not ready: nothing is committed yet");
  json["fault"] = Json::parse(R"({"message": "the kernel rejected", "at": 1})");
  EXPECT_EQ(statusLine(json), "not in sync: the kernel rejected");
  json["sourceSynced"] = false;
  EXPECT_EQ(statusLine(json), "not ready: the source has not been read yet");
}

TEST(StatusText, ShowsTheOwnerOfTheTable) {
  auto json = status();
  json["table"]["owned"] = false;
  EXPECT_NE(statusText(json, 1000).find("inet kpol, without an owner:"), std::string::npos);
  json["table"]["foreignOwner"] = 4242;
  EXPECT_NE(statusText(json, 1000).find("owned by another process (netlink port ID 4242)"),
            std::string::npos);
  json["table"]["name"] = "";
  EXPECT_NE(statusText(json, 1000).find("Table         none yet\n"), std::string::npos);
}

TEST(PoliciesText, IsATable) {
  EXPECT_EQ(policiesText(Json::parse(R"({"items": [
              {"namespace": "bank", "name": "deny", "podSelector": "<all>",
               "isolates": ["Ingress", "Egress"], "localPods": []},
              {"namespace": "shop", "name": "allow-web", "podSelector": "app=web",
               "isolates": ["Ingress"], "localPods": ["shop/web"]}]})")),
            "NAMESPACE   NAME        POD-SELECTOR   ISOLATES          LOCAL-PODS\n"
            "bank        deny        <all>          Ingress, Egress   0\n"
            "shop        allow-web   app=web        Ingress           1\n");
  EXPECT_EQ(policiesText(Json::parse(R"({"items": []})")), "No network policies.\n");
}

Json pods() {
  return Json::parse(R"({"items": [
    {"namespace": "kube-system", "name": "proxy", "phase": "Running", "hostNetwork": true,
     "ips": [], "local": false, "ingressPolicies": [], "egressPolicies": []},
    {"namespace": "shop", "name": "web", "phase": "Running", "hostNetwork": false,
     "ips": ["10.0.0.1", "fd00::1"], "local": true, "ingressPolicies": ["shop/a", "shop/b"],
     "egressPolicies": ["shop/a", "shop/b", "shop/c"],
     "hostPorts": ["TCP 8080 to 80", "UDP 192.0.2.1:53 to 5353"]}]})");
}

TEST(PodsText, ListsIsolatingPolicies) {
  EXPECT_EQ(podsText(pods()),
            "NAMESPACE     NAME    PHASE     LOCAL   ADDRESSES           INGRESS   EGRESS       "
            "HOST-PORTS\n"
            "kube-system   proxy   Running   no      -                   host      host         -\n"
            "shop          web     Running   yes     10.0.0.1, fd00::1   a, b      3 policies   "
            "TCP 8080 to 80, UDP 192.0.2.1:53 to 5353\n");
}

TEST(PodsText, CanBeLimitedToLocalPods) {
  EXPECT_EQ(localPodsText(pods()),
            "NAMESPACE   NAME   PHASE     LOCAL   ADDRESSES           INGRESS   EGRESS       "
            "HOST-PORTS\n"
            "shop        web    Running   yes     10.0.0.1, fd00::1   a, b      3 policies   "
            "TCP 8080 to 80, UDP 192.0.2.1:53 to 5353\n");
}

TEST(SetsText, IsATable) {
  EXPECT_EQ(setsText(Json::parse(R"({"items": [
              {"name": "cidr4-1", "kind": "set", "type": "ipv4_addr", "interval": true,
               "size": null, "comment": "10.0.0.0/8", "elements": ["10.0.0.0/8"]},
              {"name": "ingress4", "kind": "verdict map", "type": "ipv4_addr", "interval": false,
               "size": 128, "comment": "", "elements": []}]})")),
            "NAME       KIND          TYPE                   SIZE   ELEMENTS   COMMENT\n"
            "cidr4-1    set           ipv4_addr (interval)   -      1          10.0.0.0/8\n"
            "ingress4   verdict map   ipv4_addr              128    0          -\n");
}

TEST(RulesetText, IsTheTableItself) {
  EXPECT_EQ(rulesetText(Json::parse(R"({"table": "kpol", "text": "table inet kpol {\n}\n"})")),
            "table inet kpol {\n}\n");
  EXPECT_EQ(rulesetText(Json::parse(R"({"table": null, "text": ""})")), "No table yet.\n");
}

TEST(PodText, DescribesOnePod) {
  EXPECT_EQ(podText(Json::parse(R"({
              "namespace": "shop", "name": "web", "phase": "Running", "hostNetwork": false,
              "ips": ["10.0.0.1"], "local": true, "ingressPolicies": ["shop/a", "shop/b"],
              "egressPolicies": [], "uid": "u1", "node": "", "labels": {"app": "web", "t": "1"},
              "hostPorts": ["TCP 8080 to 80"],
              "interfaces": [
                {"hostInterface": "kpol1", "ifName": "eth0", "containerID": "c1",
                 "ips": ["10.0.0.1"], "enforced": true},
                {"hostInterface": "kpol2", "ifName": "eth0", "containerID": "c0",
                 "ips": ["10.0.0.2"], "enforced": false}],
              "chains": ["in-shop-1"]})")),
            "Pod          shop/web\n"
            "UID          u1\n"
            "Node         -\n"
            "Phase        Running\n"
            "Labels       app=web\n"
            "             t=1\n"
            "Addresses    10.0.0.1\n"
            "Host ports   TCP 8080 to 80\n"
            "Interfaces   kpol1: eth0 of container c1, 10.0.0.1\n"
            "             kpol2: eth0 of container c0, 10.0.0.2 (of an earlier pod of this name: "
            "not programmed)\n"
            "Ingress      isolated by shop/a, shop/b\n"
            "Egress       open\n"
            "Chains       in-shop-1\n");
}

TEST(PolicyText, DescribesRules) {
  EXPECT_EQ(policyText(Json::parse(R"({
              "namespace": "shop", "name": "a", "podSelector": "app=web",
              "isolates": ["Ingress", "Egress"], "localPods": ["shop/web"],
              "ingress": [{"peers": ["pods app=lb", "10.0.0.0/8"], "ports": ["TCP 80"]},
                          {"peers": ["anywhere"], "ports": ["TCP 443", "UDP 443"]}],
              "egress": [], "sets": ["cidr4-1", "sel4-2"]})")),
            "Policy       shop/a\n"
            "Selects      pods app=web\n"
            "Isolates     Ingress, Egress\n"
            "Local pods   shop/web\n"
            "Sets         cidr4-1\n"
            "             sel4-2\n"
            "\n"
            "ingress[0] allows\n"
            "  from   pods app=lb\n"
            "         10.0.0.0/8\n"
            "  port   TCP 80\n"
            "\n"
            "ingress[1] allows\n"
            "  from   anywhere\n"
            "  port   TCP 443\n"
            "         UDP 443\n"
            "\n"
            "egress: nothing is allowed\n");
}

TEST(ExplainText, NamesTheDecidingPolicy) {
  EXPECT_EQ(explainText(Json::parse(R"({
              "from": "shop/web", "to": "bank/vault", "protocol": 6, "port": 5432,
              "allowed": false, "flows": [
                {"source": "10.0.0.1", "destination": "10.0.0.2", "allowed": false,
                 "exempt": false,
                 "egress": {"isolated": true, "allowed": true, "policies": ["shop/out"],
                            "allowedBy": "shop/out", "rule": 2},
                 "ingress": {"isolated": true, "allowed": false,
                             "policies": ["bank/a", "bank/b"]}}]})")),
            "denied: shop/web to bank/vault, TCP 5432\n"
            "\n"
            "flow      10.0.0.1 to 10.0.0.2: denied\n"
            "egress    isolated by shop/out\n"
            "          allowed by shop/out, egress[2]\n"
            "ingress   isolated by bank/a, bank/b\n"
            "          no rule allows it\n");
}

TEST(ExplainText, NamesExemptions) {
  EXPECT_EQ(explainText(Json::parse(R"({
              "from": "shop/web", "to": "192.0.2.1", "protocol": 1, "port": 0, "allowed": true,
              "flows": [
                {"source": "10.0.0.1", "destination": "192.0.2.1", "allowed": true,
                 "exempt": true,
                 "egress": {"isolated": false, "allowed": true, "policies": []},
                 "ingress": {"isolated": false, "allowed": true, "policies": []}}]})")),
            "allowed: shop/web to 192.0.2.1, ICMP\n"
            "\n"
            "flow      10.0.0.1 to 192.0.2.1: allowed\n"
            "exempt    traffic of a pod with itself or its own node\n"
            "egress    open: no policy isolates it\n"
            "ingress   open: no policy isolates it\n");
}

TEST(ExplainText, ShowsTheTargetOfAHostPort) {
  EXPECT_EQ(explainText(Json::parse(R"({
              "from": "198.51.100.7", "to": "192.0.2.1", "protocol": 6, "port": 8080,
              "allowed": true, "flows": [
                {"source": "198.51.100.7", "destination": "192.0.2.1", "allowed": true,
                 "exempt": false, "hostPortOf": {"address": "10.0.0.2", "port": 80},
                 "egress": {"isolated": false, "allowed": true, "policies": []},
                 "ingress": {"isolated": false, "allowed": true, "policies": []}}]})")),
            "allowed: 198.51.100.7 to 192.0.2.1, TCP 8080\n"
            "\n"
            "flow        198.51.100.7 to 192.0.2.1: allowed\n"
            "host port   leads to 10.0.0.2 port 80\n"
            "egress      open: no policy isolates it\n"
            "ingress     open: no policy isolates it\n");
}

TEST(Texts, ResponseWithoutItsFieldsIsAnError) {
  EXPECT_THROW(statusText(Json::object(), 0), nlohmann::json::exception);
  EXPECT_THROW(podsText(Json::parse(R"({"items": [{}]})")), nlohmann::json::exception);
}

TEST(LeasesText, ShowsRangesAndLeases) {
  const auto ips = Json::parse(R"({
    "ranges": [{"network": "kpol", "subnet": "10.0.0.0/24", "first": "10.0.0.1",
                "last": "10.0.0.254", "gateway": null, "size": 254, "used": 1, "free": 253},
               {"network": "kpol", "subnet": "fd00::/64", "first": "fd00::1",
                "last": "fd00::ffff:ffff:ffff:ffff", "gateway": "fd00::5",
                "size": 18446744073709551615, "used": 0, "free": 18446744073709551615}],
    "leases": [{"address": "10.0.0.1", "network": "kpol", "namespace": "shop", "name": "web",
                "containerID": "0123456789abcdef", "ifName": "eth0", "since": 1000,
                "state": "held"}]})");
  EXPECT_EQ(leasesText(ips, 1000 + 5 * 3600),
            "NETWORK   RANGE                                                         USED   FREE\n"
            "kpol      10.0.0.0/24 10.0.0.1-10.0.0.254                               1      253\n"
            "kpol      fd00::/64 fd00::1-fd00::ffff:ffff:ffff:ffff without fd00::5   0      very "
            "many\n"
            "\n"
            "ADDRESS    NETWORK   NAMESPACE   NAME   CONTAINER       INTERFACE   AGE   STATE\n"
            "10.0.0.1   kpol      shop        web    0123456789abc   eth0        5h    held\n");
  EXPECT_EQ(leasesText(Json::parse(R"({"ranges": [], "leases": []})"), 0),
            "No ranges: kpol's own IPAM has assigned no address since the boot.\n"
            "\n"
            "No addresses are in use.\n");
}

}  // namespace
}  // namespace kpol::kpolctl
