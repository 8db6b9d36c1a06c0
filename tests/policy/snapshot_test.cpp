// SPDX-License-Identifier: Apache-2.0
#include "policy/snapshot.hpp"

#include "tests/support/policy_builders.hpp"

#include <gtest/gtest.h>

namespace kpol::policy {
namespace {

using base::IpAddress;
using test::ip;
using test::keyOf;

using Addresses = std::vector<IpAddress>;

Pod podOf(const char* key, Addresses ips = {}, PodPhase phase = PodPhase::Running) {
  Pod pod;
  pod.key = keyOf(key);
  pod.phase = phase;
  pod.ips = std::move(ips);
  return pod;
}

Endpoint endpointOf(const char* pod, const char* interface, Addresses ips) {
  return {keyOf(pod), *base::IfName::parse(interface), std::move(ips)};
}

// Keys that a look-up by joined text would confuse.
Snapshot cluster() {
  Snapshot snapshot;
  for (const char* name : {"a", "a-b", "b", "x"}) snapshot.namespaces.push_back({name, {}});
  snapshot.pods = {podOf("a/b-c", {ip("10.0.0.1"), ip("fd00::1")}), podOf("a/c"),
                   podOf("a-b/c", {ip("10.0.0.2")}), podOf("b/a", {ip("10.0.0.3")})};
  return snapshot;
}

TEST(FindPod, FindsExactlyTheKey) {
  const Snapshot snapshot = cluster();
  for (const Pod& pod : snapshot.pods) EXPECT_EQ(findPod(snapshot, pod.key), &pod);
  for (const char* absent : {"a/b", "a-b/b-c", "A/c", "z/z", "a/", "a/cc"}) {
    EXPECT_EQ(findPod(snapshot, keyOf(absent)), nullptr) << absent;
  }
  EXPECT_EQ(findPod(Snapshot{}, keyOf("a/c")), nullptr);
}

TEST(FindNamespace, FindsExactlyTheName) {
  const Snapshot snapshot = cluster();
  for (const Namespace& ns : snapshot.namespaces) EXPECT_EQ(findNamespace(snapshot, ns.name), &ns);
  for (const char* absent : {"", "aa", "a-", "c", "z"}) {
    EXPECT_EQ(findNamespace(snapshot, absent), nullptr) << absent;
  }
}

TEST(HasPodNetwork, IsForPodsThatMayRunOutsideTheHostNetwork) {
  for (const PodPhase phase : {PodPhase::Pending, PodPhase::Running, PodPhase::Unknown}) {
    EXPECT_TRUE(hasPodNetwork(podOf("a/b", {}, phase)));
  }
  for (const PodPhase phase : {PodPhase::Succeeded, PodPhase::Failed}) {
    EXPECT_FALSE(hasPodNetwork(podOf("a/b", {}, phase)));
  }
  Pod host = podOf("a/b");
  host.hostNetwork = true;
  EXPECT_FALSE(hasPodNetwork(host));
}

TEST(AddressesOf, AreTheStatusAddressesOfARemotePod) {
  const Snapshot snapshot = cluster();
  EXPECT_EQ(addressesOf(snapshot, snapshot.pods[0]), (Addresses{ip("10.0.0.1"), ip("fd00::1")}));
  EXPECT_EQ(addressesOf(snapshot, snapshot.pods[1]), Addresses{});
}

TEST(AddressesOf, AreTheEndpointsAddressesOfALocalPodAlone) {
  Snapshot snapshot = cluster();
  snapshot.endpoints = {endpointOf("a/b-c", "kpol1", {ip("10.0.7.2"), ip("fd00::7")}),
                        endpointOf("a/b-c", "kpol2", {ip("10.0.7.1"), ip("10.0.7.2")}),
                        endpointOf("a/c", "kpol3", {ip("10.0.7.9")})};
  EXPECT_EQ(addressesOf(snapshot, snapshot.pods[0]),
            (Addresses{ip("10.0.7.1"), ip("10.0.7.2"), ip("fd00::7")}));
  EXPECT_EQ(addressesOf(snapshot, snapshot.pods[1]), Addresses{ip("10.0.7.9")});
}

TEST(AddressesOf, AreNoneWithoutAPodNetwork) {
  Snapshot snapshot = cluster();
  snapshot.endpoints = {endpointOf("a/b-c", "kpol1", {ip("10.0.0.1")})};
  for (const PodPhase phase : {PodPhase::Succeeded, PodPhase::Failed}) {
    snapshot.pods[0].phase = phase;
    EXPECT_EQ(addressesOf(snapshot, snapshot.pods[0]), Addresses{});
  }
  snapshot.pods[2].hostNetwork = true;
  EXPECT_EQ(addressesOf(snapshot, snapshot.pods[2]), Addresses{});
}

TEST(AddressesOf, ExcludesAddressesOfEndpoints) {
  Snapshot snapshot = cluster();
  snapshot.endpoints = {endpointOf("b/a", "kpol1", {ip("10.0.0.1")})};
  EXPECT_EQ(addressesOf(snapshot, snapshot.pods[0]), Addresses{ip("fd00::1")});
  EXPECT_EQ(addressesOf(snapshot, snapshot.pods[3]), Addresses{ip("10.0.0.1")});
  // Unless that endpoint's pod is terminated too, or unknown.
  snapshot.pods[3].phase = PodPhase::Failed;
  EXPECT_EQ(addressesOf(snapshot, snapshot.pods[0]), (Addresses{ip("10.0.0.1"), ip("fd00::1")}));
  snapshot.pods.pop_back();
  EXPECT_EQ(addressesOf(snapshot, snapshot.pods[0]), (Addresses{ip("10.0.0.1"), ip("fd00::1")}));
}

TEST(PodAt, IsThePodWithTheAddress) {
  Snapshot snapshot = cluster();
  EXPECT_EQ(podAt(snapshot, ip("10.0.0.1")), &snapshot.pods[0]);
  EXPECT_EQ(podAt(snapshot, ip("fd00::1")), &snapshot.pods[0]);
  EXPECT_EQ(podAt(snapshot, ip("10.0.0.9")), nullptr);
  snapshot.pods[0].phase = PodPhase::Succeeded;
  EXPECT_EQ(podAt(snapshot, ip("10.0.0.1")), nullptr);
}

TEST(PodAt, PrefersTheRunningPodAndTheEndpoint) {
  Snapshot snapshot = cluster();
  snapshot.pods[3].ips = {ip("10.0.0.1")};
  EXPECT_EQ(podAt(snapshot, ip("10.0.0.1")), &snapshot.pods[0]);  // the first by key
  snapshot.pods[0].phase = PodPhase::Failed;
  EXPECT_EQ(podAt(snapshot, ip("10.0.0.1")), &snapshot.pods[3]);
  snapshot.pods[0].phase = PodPhase::Running;
  snapshot.endpoints = {endpointOf("b/a", "kpol1", {ip("10.0.0.1")})};
  EXPECT_EQ(podAt(snapshot, ip("10.0.0.1")), &snapshot.pods[3]);
}

TEST(PodAt, PrefersThePodThatStaysThenTheNewer) {
  Snapshot snapshot = cluster();
  auto& first = snapshot.pods[0];
  auto& last = snapshot.pods[3];
  last.ips = {ip("10.0.0.1")};
  last.created = 7;
  EXPECT_EQ(podAt(snapshot, ip("10.0.0.1")), &last);
  first.created = 7;
  EXPECT_EQ(podAt(snapshot, ip("10.0.0.1")), &first) << "equally new";
  first.created = 8;
  EXPECT_EQ(podAt(snapshot, ip("10.0.0.1")), &first);
  first.terminating = true;
  EXPECT_EQ(podAt(snapshot, ip("10.0.0.1")), &last);
  last.terminating = true;
  EXPECT_EQ(podAt(snapshot, ip("10.0.0.1")), &first);
}

TEST(LocalPodAt, IsThePodOfAnActiveEndpoint) {
  Snapshot snapshot = cluster();
  snapshot.endpoints = {endpointOf("a/b-c", "kpol1", {ip("10.0.0.1")}),
                        endpointOf("gone/pod", "kpol2", {ip("10.0.7.1")})};
  EXPECT_EQ(localPodAt(snapshot, ip("10.0.0.1")), &snapshot.pods[0]);
  EXPECT_EQ(localPodAt(snapshot, ip("10.0.0.2")), nullptr);  // a pod elsewhere
  EXPECT_EQ(localPodAt(snapshot, ip("10.0.7.1")), nullptr);  // an unknown pod
  EXPECT_TRUE(isEndpointAddress(snapshot, ip("10.0.7.1")));
  EXPECT_FALSE(isEndpointAddress(snapshot, ip("10.0.0.2")));
  snapshot.pods[0].phase = PodPhase::Succeeded;
  EXPECT_EQ(localPodAt(snapshot, ip("10.0.0.1")), nullptr);
  EXPECT_TRUE(isEndpointAddress(snapshot, ip("10.0.0.1")));
}

}  // namespace
}  // namespace kpol::policy
