// SPDX-License-Identifier: Apache-2.0
#include "controller/store.hpp"

#include "tests/controller/values.hpp"

#include <gtest/gtest.h>

namespace kpol::controller {
namespace {

using Endpoints = std::vector<policy::Endpoint>;

policy::Endpoint endpointOf(const conf::Attachment& a) {
  return {a.pod, a.hostInterface, a.ips};
}

TEST(Store, IsSyncedOnlyAfterMarkSynced) {
  Store store(policy::PodToNode::Allow);
  store.apply(added(pod("web")));
  EXPECT_FALSE(store.synced());
  store.markSynced();
  EXPECT_TRUE(store.synced());
}

TEST(Store, SnapshotHoldsAllObjectsSorted) {
  Store store(policy::PodToNode::Policy);
  store.apply(added(pod("web")));
  store.apply(added(pod("api")));
  store.apply(added(policy::Namespace{"shop", {}}));
  store.apply(added(policy::Namespace{"bank", {}}));
  store.apply(added(isolating("b")));
  store.apply(added(isolating("a")));
  store.setNodeIps({ip("192.0.2.2"), ip("192.0.2.1"), ip("192.0.2.2")});
  const auto snapshot = store.snapshot();
  EXPECT_EQ(snapshot->pods, (std::vector{pod("api"), pod("web")}));
  EXPECT_EQ(snapshot->namespaces,
            (std::vector{policy::Namespace{"bank", {}}, policy::Namespace{"shop", {}}}));
  EXPECT_EQ(snapshot->policies, (std::vector{isolating("a"), isolating("b")}));
  EXPECT_EQ(snapshot->nodeIps, (std::vector{ip("192.0.2.1"), ip("192.0.2.2")}));
  EXPECT_EQ(snapshot->podToNode, policy::PodToNode::Policy);
  EXPECT_EQ(snapshot->generation, store.generation());
}

TEST(Store, EventsReplaceAndRemove) {
  Store store(policy::PodToNode::Allow);
  store.apply(added(pod("web")));
  store.apply(modified(pod("web", "", {{"app", "web"}})));
  EXPECT_EQ(store.snapshot()->pods, std::vector{pod("web", "", {{"app", "web"}})});
  store.apply(deleted(pod("web")));
  EXPECT_TRUE(store.snapshot()->pods.empty());
  store.apply(deleted(pod("web")));
  EXPECT_TRUE(store.snapshot()->pods.empty());
}

policy::Pod podOn(const char* node, const char* name, std::vector<const char*> ips) {
  auto made = pod(name);
  made.nodeName = node;
  for (const char* text : ips) made.ips.push_back(ip(text));
  return made;
}

std::vector<base::IpAddress> ipsOf(const Store& store, const char* pod) {
  return store.findPod({"shop", pod})->ips;
}

TEST(Store, PodsHaveAddressesOfTheirNodesCidrsOnly) {
  const Store::PodCidrs cidrs{{*base::Prefix::parse("10.244.1.0/24"), "alpha"},
                              {*base::Prefix::parse("10.244.2.0/24"), "beta"},
                              {*base::Prefix::parse("fd00:1::/64"), "alpha"}};
  using Ips = std::vector<base::IpAddress>;
  Store store(policy::PodToNode::Allow);
  store.apply(added(podOn("alpha", "before", {"10.244.1.255", "10.244.2.1", "fd00:1::1"})));
  EXPECT_EQ(ipsOf(store, "before").size(), 3U) << "the CIDRs are not known yet";
  auto generation = store.generation();
  store.setPodCidrs(cidrs);
  EXPECT_GT(store.generation(), generation);
  EXPECT_EQ(ipsOf(store, "before"), (Ips{ip("10.244.1.255"), ip("fd00:1::1")}));
  store.apply(added(podOn("beta", "after", {"10.244.1.0", "10.244.2.0", "fd00:1::2"})));
  store.apply(added(podOn("gone", "lost", {"10.244.1.7", "10.244.0.255", "fd00::1"})));
  store.apply(added(podOn("", "unscheduled", {"10.244.1.7"})));
  EXPECT_EQ(ipsOf(store, "after"), Ips{ip("10.244.2.0")});
  EXPECT_EQ(ipsOf(store, "lost"), Ips{});
  EXPECT_EQ(ipsOf(store, "unscheduled"), Ips{ip("10.244.1.7")});
  ASSERT_EQ(store.diagnostics().size(), 3U);
  EXPECT_EQ(toString(store.diagnostics()[0]),
            "Pod shop/after: status.podIPs: are not all in the pod CIDRs of its node; kpold uses "
            "only those that are");

  generation = store.generation();
  store.setPodCidrs(cidrs);
  EXPECT_EQ(store.generation(), generation);
  store.setPodCidrs({{*base::Prefix::parse("10.244.1.0/24"), "beta"},
                     {*base::Prefix::parse("fd00:1::/64"), "alpha"}});
  EXPECT_EQ(ipsOf(store, "before"), Ips{ip("fd00:1::1")});
  EXPECT_EQ(ipsOf(store, "after"), Ips{ip("10.244.1.0")});
  store.apply(deleted(podOn("beta", "after", {})));
  store.apply(modified(podOn("alpha", "before", {"fd00:1::1"})));
  EXPECT_EQ(store.diagnostics().size(), 1U);
}

TEST(Store, GenerationGrowsWithChangesOnly) {
  Store store(policy::PodToNode::Allow);
  EXPECT_EQ(store.generation(), 0U);
  store.apply(added(pod("web")));
  const auto generation = store.generation();
  store.apply(modified(pod("web")));
  store.apply(deleted(pod("other")));
  store.setNodeIps({});
  EXPECT_FALSE(store.remove({"c1", "eth0"}));
  EXPECT_EQ(store.generation(), generation);
  store.apply(deleted(pod("web")));
  EXPECT_GT(store.generation(), generation);
}

TEST(Store, SnapshotIsTheSameObjectUntilAChange) {
  Store store(policy::PodToNode::Allow);
  store.apply(added(pod("web")));
  const auto first = store.snapshot();
  EXPECT_EQ(store.snapshot(), first);
  store.apply(added(pod("api")));
  EXPECT_NE(store.snapshot(), first);
  EXPECT_EQ(first->pods.size(), 1U) << "a snapshot never changes";
}

TEST(Store, CountsObjectsByKind) {
  Store store(policy::PodToNode::Allow);
  store.apply(added(pod("web")));
  store.apply(added(pod("api")));
  store.apply(added(policy::Node{"n1", {}, {}, {}}));
  const auto counts = store.counts();
  EXPECT_EQ(counts.pods, 2U);
  EXPECT_EQ(counts.nodes, 1U);
  EXPECT_EQ(counts.namespaces, 0U);
  EXPECT_EQ(counts.networkPolicies, 0U);
}

TEST(Store, AttachmentIsAnEndpointOnceItsPodIsKnown) {
  Store store(policy::PodToNode::Allow);
  const auto a = attachment("c1", "web", "kpol1", "10.0.0.1", "u1");
  store.put(a);
  EXPECT_EQ(store.snapshot()->endpoints, Endpoints{});
  store.apply(added(pod("web", "u1")));
  EXPECT_EQ(store.snapshot()->endpoints, Endpoints{endpointOf(a)});
  store.apply(deleted(pod("web", "u1")));
  EXPECT_EQ(store.snapshot()->endpoints, Endpoints{});
}

TEST(Store, AttachmentOfAnotherPodWithTheNameIsNoEndpoint) {
  struct Case {
    const char* attachmentUid;
    const char* podUid;
    bool isEndpoint;
  };
  for (const auto& c : {Case{"u1", "u1", true}, Case{"u1", "u2", false}, Case{"", "u1", true},
                        Case{"u1", "", true}, Case{"", "", true}}) {
    Store store(policy::PodToNode::Allow);
    store.apply(added(pod("web", c.podUid)));
    store.put(attachment("c1", "web", "kpol1", "10.0.0.1", c.attachmentUid));
    EXPECT_EQ(!store.snapshot()->endpoints.empty(), c.isEndpoint)
        << c.attachmentUid << " and " << c.podUid;
  }
}

// A store that knows the name of its node.
Store storeOfNode() {
  Store::Settings settings;
  settings.nodeName = "n1";
  return Store(settings);
}
policy::Pod residentPod(const char* name, const char* uid, const char* address) {
  auto result = pod(name, uid);
  result.nodeName = "n1";
  if (*address != 0) result.ips = {ip(address)};
  return result;
}

TEST(Store, PodsWithoutAttachmentAreEndpointsWithTheAddressesOfTheirStatus) {
  auto store = storeOfNode();
  const Endpoints expected{{{"shop", "web"}, std::nullopt, {ip("10.0.0.1")}}};
  store.apply(added(residentPod("web", "u1", "")));
  EXPECT_EQ(store.unattached(), Endpoints{}) << "no address yet";
  store.apply(modified(residentPod("web", "u1", "10.0.0.1")));
  EXPECT_EQ(store.unattached(), expected);
  EXPECT_EQ(store.snapshot()->endpoints, expected);
  const auto a = attachment("c1", "web", "kpol1", "10.0.0.1", "u1");
  store.put(a);
  EXPECT_EQ(store.unattached(), Endpoints{});
  EXPECT_EQ(store.snapshot()->endpoints, Endpoints{endpointOf(a)});
}

TEST(Store, OnlyPodsOfThisNodeWithAPodNetworkAreExpectedToBeAttached) {
  auto store = storeOfNode();
  auto elsewhere = residentPod("a", "u1", "10.0.0.1");
  elsewhere.nodeName = "n2";
  auto onTheHost = residentPod("b", "u2", "10.0.0.2");
  onTheHost.hostNetwork = true;
  auto finished = residentPod("c", "u3", "10.0.0.3");
  finished.phase = policy::PodPhase::Succeeded;
  for (const auto& one : {elsewhere, onTheHost, finished}) store.apply(added(one));
  EXPECT_EQ(store.unattached(), Endpoints{});
  EXPECT_EQ(store.snapshot()->endpoints, Endpoints{});
  Store nameless(policy::PodToNode::Allow);
  nameless.apply(added(residentPod("web", "u1", "10.0.0.1")));
  EXPECT_EQ(nameless.unattached(), Endpoints{});
}

// Its object may exist for a while, with an address that already belongs to another pod.
TEST(Store, PodsWhoseAttachmentWasRemovedAreNot) {
  auto store = storeOfNode();
  store.apply(added(residentPod("web", "u1", "10.0.0.1")));
  store.put(attachment("c1", "web", "kpol1", "10.0.0.1", "u1"));
  store.remove({"c1", "eth0"});
  store.apply(modified(residentPod("web", "u1", "10.0.0.1")));
  EXPECT_EQ(store.unattached(), Endpoints{});
  EXPECT_EQ(store.snapshot()->endpoints, Endpoints{});
  store.apply(modified(residentPod("web", "u2", "10.0.0.1")));
  EXPECT_EQ(store.unattached().size(), 1U) << "another pod of the name";
  store.apply(deleted(residentPod("web", "u2", "10.0.0.1")));
  EXPECT_EQ(store.unattached(), Endpoints{});
  EXPECT_EQ(store.snapshot()->endpoints, Endpoints{});
}

TEST(Store, AddressesOfAttachmentsAreNotThoseOfOtherPods) {
  auto store = storeOfNode();
  store.apply(added(residentPod("old", "u1", "10.0.0.1")));
  store.apply(added(residentPod("web", "u2", "")));
  EXPECT_EQ(store.snapshot()->endpoints.size(), 1U);
  const auto a = attachment("c1", "web", "kpol1", "10.0.0.1", "u2");
  store.put(a);
  EXPECT_EQ(store.snapshot()->endpoints, Endpoints{endpointOf(a)});
  store.remove({"c1", "eth0"});
  EXPECT_EQ(store.snapshot()->endpoints.size(), 1U) << "only old reports it now";
}

// What ADD waits for: a commit of this generation or a later one has the interface.
TEST(Store, ReturnsTheGenerationOfAnEndpoint) {
  Store store(policy::PodToNode::Allow);
  const auto a = attachment("c1", "web", "kpol1", "10.0.0.1", "u1");
  store.put(a);
  EXPECT_EQ(store.endpointSince(a), std::nullopt);
  store.apply(added(pod("web", "u1")));
  const auto since = store.endpointSince(a);
  EXPECT_EQ(since, store.generation());
  store.apply(added(pod("api")));
  EXPECT_EQ(store.endpointSince(a), since);
  EXPECT_EQ(store.endpointSince(attachment("c1", "web", "kpol2", "10.0.0.1", "u1")), std::nullopt);
  store.apply(modified(pod("web", "u2")));
  EXPECT_EQ(store.endpointSince(a), std::nullopt) << "another pod of that name";
}

TEST(Store, EndpointsAreSortedByPod) {
  Store store(policy::PodToNode::Allow);
  store.apply(added(pod("web")));
  store.apply(added(pod("api")));
  const auto web = attachment("c1", "web", "kpol1", "10.0.0.1");
  const auto api = attachment("c2", "api", "kpol2", "10.0.0.2");
  store.put(web);
  store.put(api);
  EXPECT_EQ(store.snapshot()->endpoints, (Endpoints{endpointOf(api), endpointOf(web)}));
}

TEST(Store, PutReplacesAnAttachmentOfTheSameId) {
  Store store(policy::PodToNode::Allow);
  store.apply(added(pod("web")));
  store.put(attachment("c1", "web", "kpol1", "10.0.0.1"));
  const auto second = attachment("c1", "web", "kpol1", "10.0.0.9");
  store.put(second);
  EXPECT_EQ(store.snapshot()->endpoints, Endpoints{endpointOf(second)});
  EXPECT_EQ(store.attachments().size(), 1U);
  EXPECT_TRUE(store.remove(conf::idOf(second)));
  EXPECT_EQ(store.find(conf::idOf(second)), nullptr);
}

// In IPVS mode, kube-proxy adds the addresses of all services to a dummy device.
TEST(Store, HostPortsApplyToTheNodesOwnAddresses) {
  Store store(Store::Settings{{}, {}, {}, "n1"});
  using Ips = std::vector<base::IpAddress>;
  const Ips all{ip("10.96.0.1"), ip("192.0.2.1"), ip("198.51.100.7")};
  store.setNodeIps(all, {ip("10.96.0.1"), ip("198.51.100.7")});
  EXPECT_EQ(store.snapshot()->nodeIps, all);
  EXPECT_EQ(store.snapshot()->hostPortIps, Ips{ip("192.0.2.1")});
  // A node's address may be on the loopback device.
  policy::Node self{"n1", {}, {ip("198.51.100.7")}, {}};
  store.apply(added(policy::Node{"n2", {}, {ip("10.96.0.1")}, {}}));
  store.apply(added(self));
  EXPECT_EQ(store.snapshot()->hostPortIps, (Ips{ip("192.0.2.1"), ip("198.51.100.7")}));
  store.apply(deleted(self));
  EXPECT_EQ(store.snapshot()->hostPortIps, Ips{ip("192.0.2.1")});
}

// The runtime knows a static pod by the hash of its manifest, the API server by a UID of its own.
TEST(Store, AttachmentOfAStaticPodIsJoinedByTheHashOfItsMirrorPod) {
  Store store(policy::PodToNode::Allow);
  const auto held =
      attachment("c1", "web", "kpol1", "10.0.0.1", "4f2a8c61d0f7a3b95e1c24f68a7b3d90");
  store.put(held);
  auto mirror = pod("web", "11111111-2222-3333-4444-555555555555");
  store.apply(added(mirror));
  EXPECT_EQ(store.endpointSince(held), std::nullopt) << "another pod of the same name";
  mirror.configHash = held.podUid;
  store.apply(modified(mirror));
  EXPECT_TRUE(store.endpointSince(held));
  EXPECT_EQ(store.snapshot()->endpoints, (Endpoints{endpointOf(held)}));
  EXPECT_EQ(store.findPod(mirror.key), mirror);
  // Its manifest was changed: the kubelet starts another pod.
  mirror.configHash = "0123456789abcdef0123456789abcdef";
  store.apply(modified(mirror));
  EXPECT_EQ(store.endpointSince(held), std::nullopt);
}

TEST(Store, ConflictIsASharedInterfaceOrAddressOfAnotherAttachment) {
  Store store(policy::PodToNode::Allow);
  const auto held = attachment("c1", "web", "kpol1", "10.0.0.1");
  store.put(held);
  const auto conflicts = [&](const conf::Attachment& a) {
    const auto* other = store.conflicting(a);
    return other != nullptr && *other == held;
  };
  EXPECT_TRUE(conflicts(attachment("c2", "api", "kpol1", "10.0.0.2")));
  EXPECT_TRUE(conflicts(attachment("c2", "api", "kpol2", "10.0.0.1")));
  EXPECT_EQ(store.conflicting(attachment("c2", "api", "kpol2", "10.0.0.2")), nullptr);
  EXPECT_EQ(store.conflicting(held), nullptr);
  EXPECT_EQ(store.conflicting(attachment("c1", "web", "kpol1", "10.0.0.3")), nullptr);
}

TEST(Store, PostureFollowsNamespacesAndPods) {
  Store store(Store::Settings{{}, {policy::DefaultPolicy::Deny, {}}, {}, {}});
  const auto policies = [&] {
    std::vector<std::string> names;
    for (const auto& policy : store.snapshot()->policies) names.push_back(toString(policy.key));
    return names;
  };
  const auto labelled = [](const char* value) {
    const std::vector<std::pair<std::string, std::string>> entries{
        {policy::kDefaultPolicyLabel, value}};
    return policy::Labels(entries);
  };
  using Names = std::vector<std::string>;
  const Names implied{"shop/(default-policy)"};
  store.apply(added(pod("web")));  // its namespace is not seen yet
  EXPECT_EQ(policies(), implied);
  policy::Namespace shop{"shop", labelled("allow")};
  store.apply(added(shop));
  EXPECT_EQ(policies(), Names{});
  shop.labels = labelled("nonsense");
  store.apply(modified(shop));
  EXPECT_EQ(policies(), implied);
  EXPECT_EQ(store.diagnostics().size(), 1U);
  store.apply(deleted(shop));
  EXPECT_EQ(policies(), implied);  // it still has a pod
  store.apply(deleted(pod("web")));
  EXPECT_EQ(policies(), Names{});
  EXPECT_TRUE(store.diagnostics().empty());
}

TEST(Store, ConflictIsASharedHostPortToo) {
  Store store(policy::PodToNode::Allow);
  auto held = attachment("c1", "web", "kpol1", "10.0.0.1");
  held.hostPorts = {{base::Protocol::Tcp, 8080, {}, 80}};
  store.put(held);
  auto other = attachment("c2", "api", "kpol2", "10.0.0.2");
  other.hostPorts = {{base::Protocol::Tcp, 8080, ip("192.0.2.1"), 80}};
  ASSERT_NE(store.conflicting(other), nullptr);
  EXPECT_EQ(*store.conflicting(other), held);
  other.hostPorts = {{base::Protocol::Udp, 8080, {}, 80}};
  EXPECT_EQ(store.conflicting(other), nullptr);
}

}  // namespace
}  // namespace kpol::controller
