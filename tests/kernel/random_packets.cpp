// SPDX-License-Identifier: Apache-2.0
#include "tests/kernel/random_packets.hpp"

#include "kube/manifest.hpp"
#include "netlink/route_socket.hpp"
#include "policy/compile.hpp"
#include "tests/support/interpreter.hpp"
#include "tests/support/manifest_text.hpp"
#include "tests/support/odd_spelling.hpp"
#include "tests/support/random_policy.hpp"
#include "tests/support/shrink_policy.hpp"

#include <nlohmann/json.hpp>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>

namespace kpol::test {
namespace {

using base::Family;
using nlohmann::json;

// A network config that assigns exactly these addresses to a pod. The subnets are so wide that none
// of the addresses is the first or last of its subnet.
std::string configFor(const Node& node, const policy::Endpoint& endpoint) {
  auto config = json::parse(node.networkConfig());
  auto ranges = json::array();
  for (const auto& ip : endpoint.ips) {
    const auto text = toString(ip);
    ranges.push_back(json::array({{{"subnet", ip.isV4() ? "8.0.0.0/6" : "fc00::/7"},
                                   {"rangeStart", text},
                                   {"rangeEnd", text}}}));
  }
  config["ipam"]["ranges"] = ranges;
  return config.dump();
}

// Whether a host may have the address beside those of the test's own networks. kpold guards the
// metadata service, which the clusters here do not know.
bool isOrdinary(const base::IpAddress& ip) {
  if (std::ranges::find(policy::knownMetadataAddresses(), ip) !=
      policy::knownMetadataAddresses().end())
    return false;
  const auto first = ip.bytes()[0];
  if (ip.isV4())
    return first > 0 && first < 224 && first != 127 &&
           !base::Prefix::parse("169.254.0.0/16")->contains(ip) &&
           !base::Prefix::parse("192.0.2.0/24")->contains(ip);
  return first > 0 && first != 0xfe && first != 0xff &&
         !base::Prefix::parse("2001:db8:2::/64")->contains(ip);
}

}  // namespace

struct RandomPackets::End {
  std::string host;
  base::IpAddress ip;
};

std::vector<RandomPackets::End> RandomPackets::endsOf(const policy::Snapshot& snapshot) const {
  std::vector<End> ends;
  for (const auto family : {Family::V4, Family::V6}) {
    ends.push_back({"node", Node::nodeIp(family)});
    ends.push_back({"outside", Node::outsideIp(family)});
  }
  for (const auto& ip : places_) ends.push_back({"outside", ip});
  for (const auto& endpoint : snapshot.endpoints)
    for (const auto& ip : endpoint.ips) ends.push_back({toString(endpoint.pod), ip});
  return ends;
}

std::vector<Attempt> RandomPackets::randomAttempts(Random& random,
                                                   const policy::Snapshot& snapshot) const {
  const auto ends = endsOf(snapshot);
  std::vector<Attempt> attempts;
  while (attempts.size() < kFlows) {
    const auto& from = random.pick(ends);
    const auto& to = random.pick(ends);
    const bool v4 = from.ip.isV4();
    // Between the node and outside no pod is concerned; a host to itself meets no hook.
    if (v4 != to.ip.isV4() || from.host == to.host) continue;
    if (from.host == "node" && to.host == "outside") continue;
    const auto icmp = static_cast<std::uint8_t>(v4 ? 1 : 58);
    const auto protocol = random.pick<std::uint8_t>({6, 6, 17, 17, 132, icmp});
    attempts.push_back({from.host, {from.ip, to.ip, protocol, random.pick(kListenPorts)}});
  }
  return attempts;
}

void RandomPackets::choosePlaces(const policy::Snapshot& snapshot, Random& random) {
  auto candidates = blockEdges(snapshot);
  for (const auto& pod : snapshot.pods)
    candidates.insert(candidates.end(), pod.ips.begin(), pod.ips.end());
  std::sort(candidates.begin(), candidates.end());
  candidates.erase(std::unique(candidates.begin(), candidates.end()), candidates.end());
  std::erase_if(candidates, [&](const base::IpAddress& ip) {
    return !isOrdinary(ip) || policy::isEndpointAddress(snapshot, ip);
  });
  while (!candidates.empty() && places_.size() < 12) places_.push_back(random.take(candidates));
}

void RandomPackets::addPlaces() {
  netlink::RouteSocket here;
  const auto link = here.findLink(*base::IfName::parse("eth0"))->index;
  for (const auto& ip : places_)
    here.addRoute({base::Prefix::host(ip), Node::outsideIp(ip.family()), link, {}});
  const auto guard = node_.outside().open().enter();
  netlink::RouteSocket there;
  for (const auto& ip : places_)
    there.addAddress({{1}, ip, static_cast<std::uint8_t>(ip.bits()), !ip.isV4()});
}

void RandomPackets::removePlaces() {
  netlink::RouteSocket here;
  const auto link = here.findLink(*base::IfName::parse("eth0"))->index;
  for (const auto& ip : places_)
    here.deleteRoute({base::Prefix::host(ip), Node::outsideIp(ip.family()), link, {}});
  const auto guard = node_.outside().open().enter();
  netlink::RouteSocket there;
  for (const auto& ip : places_)
    there.deleteAddress({{1}, ip, static_cast<std::uint8_t>(ip.bits()), !ip.isV4()});
  places_.clear();
}

NodeOptions RandomPackets::options() const {
  NodeOptions options;
  if (podToNode_ == policy::PodToNode::Allow) return options;
  std::ofstream(config_) << "apiVersion: kpol.io/v1alpha1\n"
                            "kind: KpoldConfiguration\n"
                            "podToNode: policy\n";
  options.kpoldArguments = {"--config", config_};
  return options;
}

RandomPackets::RandomPackets(policy::PodToNode podToNode)
    : podToNode_(podToNode),
      config_(std::filesystem::temp_directory_path() /
              ("kpol-random-packets-" + std::to_string(getpid()) + ".yaml")),
      node_(options()) {
  prober_.addHost("node", netlink::Netns::current());
  prober_.addHost("outside", node_.outside().open());
  node_.startKpold();
}

RandomPackets::~RandomPackets() {
  std::error_code ignored;
  std::filesystem::remove(config_, ignored);
}

// The part of a random cluster that can be created: one sandbox per known pod, and policies that a
// manifest can express.
policy::Snapshot RandomPackets::realisable(policy::Snapshot snapshot) const {
  std::set<base::ObjectKey> seen;
  std::erase_if(snapshot.endpoints, [&](const policy::Endpoint& endpoint) {
    return policy::findPod(snapshot, endpoint.pod) == nullptr || !seen.insert(endpoint.pod).second;
  });
  std::erase_if(snapshot.policies, [](const policy::NetworkPolicy& policy) {
    return kube::readManifests(toYaml(kube::Object(policy)), "policy.yaml").broken();
  });
  for (auto& pod : snapshot.pods)
    if (pod.hostNetwork) pod.ips = {Node::nodeIp(Family::V4)};
  snapshot.nodeIps = {Node::nodeIp(Family::V4), Node::nodeIp(Family::V6)};
  snapshot.podToNode = podToNode_;
  snapshot.metadataGuard = {};  // nothing here replies in its place
  snapshot.network = {};        // there are no other nodes
  return snapshot;
}

// A cluster worth making: some pods to talk, some policies to forbid it.
policy::Snapshot RandomPackets::clusterOf(std::uint64_t seed) const {
  Random random(seed);
  while (true) {
    auto snapshot =
        realisable(random.oneIn(200) ? randomLargeSnapshot(random) : randomSnapshot(random));
    if (snapshot.endpoints.size() >= 3 && snapshot.policies.size() >= 3) return snapshot;
  }
}

void RandomPackets::write(const policy::Snapshot& snapshot, std::uint64_t seed) const {
  auto others = snapshot;
  others.policies.clear();
  auto text = toYaml(objectsOf(others));
  Random random(seed);
  for (const auto& policy : snapshot.policies)
    text += "---\n" + oddlySpelled(random, policy) + "\n";
  node_.apply("cluster.yaml", text);
}

void RandomPackets::realise(policy::Snapshot& snapshot, std::uint64_t seed) {
  auto withoutPolicies = snapshot;
  withoutPolicies.policies.clear();
  write(withoutPolicies, seed);
  for (auto& endpoint : snapshot.endpoints) {
    sandboxes_.push_back({node_.makePod(endpoint.pod), configFor(node_, endpoint)});
    auto& [pod, config] = sandboxes_.back();
    const auto result = Node::plugin("ADD", pod, config.c_str());
    if (result.status != 0)
      throw std::runtime_error("ADD: " + result.out + result.err + "\n" + describe(snapshot));
    const auto answer = json::parse(result.out);
    endpoint.hostInterface =
        *base::IfName::parse(answer.at("interfaces").at(0).at("name").get<std::string>());
    prober_.addHost(toString(endpoint.pod), pod.netns->open());
  }
  write(snapshot, seed);
  node_.sync();
  std::sort(snapshot.endpoints.begin(), snapshot.endpoints.end());
}

void RandomPackets::dismantle() {
  for (auto& [pod, config] : sandboxes_) {
    const auto result = Node::plugin("DEL", pod, config.c_str());
    if (result.status != 0) throw std::runtime_error("DEL: " + result.out + result.err);
    prober_.removeHost(toString(pod.key));
  }
  sandboxes_.clear();
}

std::string RandomPackets::disagreeing(const policy::Snapshot& snapshot, const Attempt& attempt,
                                       Reach reach) {
  const bool meant = policy::nodeAllows(snapshot, attempt.flow);
  const auto expected = !meant                         ? Reach::None
                        : attempt.flow.protocol == 132 ? Reach::OneWay
                                                       : Reach::Both;
  if (reach != expected) return "the kernel";
  if (passes(policy::compile(snapshot).ruleset, snapshot, attempt.flow) != meant)
    return "the compiled table";
  return {};
}

std::optional<Counterexample> RandomPackets::prove(std::uint64_t seed, ProofCounts& counts) {
  auto snapshot = clusterOf(seed);
  Random random(seed);
  choosePlaces(snapshot, random);
  addPlaces();
  realise(snapshot, seed);
  const auto attempts = randomAttempts(random, snapshot);
  std::vector<bool> meant;
  for (const auto& attempt : attempts) meant.push_back(policy::nodeAllows(snapshot, attempt.flow));
  const auto reach = prober_.run(attempts, meant);
  dismantle();
  ++counts.clusters;
  std::optional<Counterexample> found;
  for (std::size_t i = 0; i < attempts.size() && !found; ++i) {
    counts.add(attempts[i].flow, meant[i]);
    if (!disagreeing(snapshot, attempts[i], reach[i]).empty())
      found = smallest(snapshot, attempts[i], seed);
  }
  removePlaces();
  return found;
}

Counterexample RandomPackets::smallest(policy::Snapshot snapshot, const Attempt& attempt,
                                       std::uint64_t seed) {
  int tries = 0;
  auto small = shrink(snapshot, [&](const policy::Snapshot& candidate) {
    return ++tries <= 200 && !retry(candidate, attempt, seed).empty();
  });
  auto who = retry(small, attempt, seed);
  if (who.empty()) who = "the kernel, once,";  // it did not happen again
  const bool meant = policy::nodeAllows(small, attempt.flow);
  return {std::move(small), attempt.flow, meant, std::move(who)};
}

std::string RandomPackets::retry(policy::Snapshot snapshot, const Attempt& attempt,
                                 std::uint64_t seed) {
  const auto isThere = [&](const base::IpAddress& ip) {
    const auto ends = endsOf(snapshot);
    return std::any_of(ends.begin(), ends.end(), [&](const End& end) { return end.ip == ip; });
  };
  if (!isThere(attempt.flow.source) || !isThere(attempt.flow.destination)) return {};
  // A sandbox cannot be added without its pod.
  if (std::any_of(snapshot.endpoints.begin(), snapshot.endpoints.end(), [&](const auto& endpoint) {
        return policy::findPod(snapshot, endpoint.pod) == nullptr || endpoint.ips.empty();
      }))
    return {};
  snapshot.nodeIps = {Node::nodeIp(Family::V4), Node::nodeIp(Family::V6)};
  snapshot.podToNode = podToNode_;
  realise(snapshot, seed);
  const auto reach = prober_.run({attempt}, {policy::nodeAllows(snapshot, attempt.flow)});
  dismantle();
  return disagreeing(snapshot, attempt, reach.front());
}

}  // namespace kpol::test
