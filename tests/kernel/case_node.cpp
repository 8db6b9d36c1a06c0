// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/case_node.hpp"

#include "kube/manifest.hpp"
#include "netlink/route_socket.hpp"
#include "tests/support/manifest_text.hpp"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>

namespace kpol::test {
namespace {

const DualAddress kOwnNode{Node::nodeIp(base::Family::V4), Node::nodeIp(base::Family::V6)};
const DualAddress kOtherNode{Node::outsideIp(base::Family::V4), Node::outsideIp(base::Family::V6)};
const DualAddress kOffCluster{*base::IpAddress::parse("198.51.100.7"),
                              *base::IpAddress::parse("2001:db8:51::7")};

std::vector<std::string> argumentsFor(policy::PodToNode podToNode) {
  if (podToNode == policy::PodToNode::Allow) return {};
  const auto file = std::filesystem::temp_directory_path() /
                    ("kpol-pod-to-node-" + std::to_string(::getpid()) + ".yaml");
  std::ofstream(file) << "apiVersion: kpol.io/v1alpha1\n"
                         "kind: KpoldConfiguration\n"
                         "podToNode: policy\n";
  return {"--config", file};
}

}  // namespace

NodeOptions optionsFor(policy::PodToNode podToNode) {
  NodeOptions options;
  options.kpoldArguments = argumentsFor(podToNode);
  return options;
}

CaseNode::CaseNode(policy::PodToNode podToNode) : node_(optionsFor(podToNode)) {
  addPlaces();
  node_.startKpold();
}

void CaseNode::addPlaces() {
  // The host outside plays the other node and, with further addresses, the world beyond.
  const auto outside = node_.outside().open();
  netlink::RouteSocket here;
  const auto link = here.findLink(*base::IfName::parse("eth0"))->index;
  {
    const auto guard = outside.enter();
    netlink::RouteSocket there;
    for (const auto& ip : {kOffCluster.v4, kOffCluster.v6})
      there.addAddress({{1}, ip, static_cast<std::uint8_t>(ip.bits()), true});
  }
  for (const auto family : {base::Family::V4, base::Family::V6})
    here.addRoute({base::Prefix::host(kOffCluster.of(family)), kOtherNode.of(family), link, {}});
  prober_.addHost("own-node", netlink::Netns::current());
  prober_.addHost("other-node", outside);
  prober_.addSender("off-cluster", outside);
}

void CaseNode::matchSandboxes(const std::set<base::ObjectKey>& wanted) {
  const auto have = pods_;
  for (const auto& key : have) {
    if (wanted.contains(key)) continue;
    prober_.removeHost(toString(key));
    node_.del(key);
    pods_.erase(key);
  }
  for (const auto& key : wanted) {
    if (pods_.contains(key)) continue;
    const auto& pod = node_.add(key);
    pods_.insert(key);
    prober_.addHost(toString(key), pod.netns->open());
  }
}

void CaseNode::writeObjects(const policy::Snapshot& snapshot) const {
  node_.apply("case.yaml", toYaml(objectsOf(snapshot)));
}

namespace {

bool selectsNamespacesByLabel(const policy::NetworkPolicy& policy) {
  const auto selects = [](const policy::PolicyRule& rule) {
    return std::ranges::any_of(rule.peers, [](const policy::Peer& peer) {
      return peer.namespaceSelector && *peer.namespaceSelector != policy::LabelSelector();
    });
  };
  return std::ranges::any_of(policy.ingress, selects) ||
         std::ranges::any_of(policy.egress, selects);
}

}  // namespace

bool CaseNode::isWritable(const PolicyCase& policyCase) {
  const auto setting = settingOf(policyCase, {*base::IpAddress::parse("203.0.113.1"),
                                              *base::IpAddress::parse("2001:db8:113::1")});
  const auto snapshot = snapshotOf(policyCase, setting);
  // A directory of manifests has the namespaces of all its pods, written or not.
  const bool isComplete = std::ranges::all_of(snapshot.pods, [&](const policy::Pod& pod) {
    return std::ranges::any_of(snapshot.namespaces,
                               [&](const auto& ns) { return ns.name == pod.key.ns; });
  });
  if (!isComplete && std::ranges::any_of(snapshot.policies, selectsNamespacesByLabel)) return false;
  const auto text = toYaml(objectsOf(snapshot));
  return !kube::readManifests(text, "case.yaml").broken();
}

Setting CaseNode::realise(const PolicyCase& policyCase) {
  std::set<base::ObjectKey> wanted;
  for (const auto& pod : policyCase.pods)
    if (needsSandbox(pod)) wanted.insert(pod.pod.key);

  // ADD needs known pods, and the policies need the addresses from ADD.
  auto setting = settingOf(policyCase, {*base::IpAddress::parse("203.0.113.1"),
                                        *base::IpAddress::parse("2001:db8:113::1")});
  auto known = snapshotOf(policyCase, setting);
  known.policies.clear();
  for (auto& pod : known.pods)
    if (wanted.contains(pod.key)) pod.ips.clear();
  writeObjects(known);
  matchSandboxes(wanted);

  for (const auto& key : wanted) {
    const auto* pod = node_.find(key);
    setting.pods.at(key) = {pod->ip(base::Family::V4), pod->ip(base::Family::V6)};
  }
  setting.ownNode = kOwnNode;
  setting.otherNode = kOtherNode;
  setting.offCluster = kOffCluster;
  writeObjects(snapshotOf(policyCase, setting));
  node_.sync();
  return setting;
}

}  // namespace kpol::test
