// SPDX-License-Identifier: Apache-2.0
#include "tests/support/policy_proof.hpp"

#include "policy/compile.hpp"
#include "tests/support/interpreter.hpp"
#include "tests/support/manifest_text.hpp"
#include "tests/support/random_policy.hpp"
#include "tests/support/shrink_policy.hpp"

#include <algorithm>

namespace kpol::test {
namespace {

using policy::Flow;
using policy::Snapshot;

// Whether the node may send a packet of this flow for others: not if an address is its own, and not
// if the source is an endpoint without a pod, which sends nothing by itself.
bool mayBeRelayed(const Snapshot& snapshot, const Flow& flow) {
  const auto isNode = [&](const auto& ip) {
    return std::ranges::find(snapshot.nodeIps, ip) != snapshot.nodeIps.end();
  };
  if (isNode(flow.source) || isNode(flow.destination)) return false;
  return !policy::isEndpointAddress(snapshot, flow.source) ||
         policy::localPodAt(snapshot, flow.source) != nullptr;
}

bool disagree(const nft::Ruleset& ruleset, const Snapshot& snapshot, const Flow& flow) {
  const bool meant = policy::nodeAllows(snapshot, flow);
  if (passes(ruleset, snapshot, flow) != meant) return true;
  return mayBeRelayed(snapshot, flow) && relays(ruleset, snapshot, flow) != meant;
}

std::string addresses(const std::vector<base::IpAddress>& ips) {
  std::string text;
  for (const auto& ip : ips) text += " " + toString(ip);
  return text;
}

}  // namespace

void ProofCounts::add(const Flow& flow, bool isAllowed) {
  ++verdicts;
  allowed += isAllowed ? 1 : 0;
  ipv6 += flow.source.isV4() ? 0 : 1;
}

Snapshot clusterOf(std::uint64_t seed) {
  Random random(seed);
  return random.oneIn(100) ? randomLargeSnapshot(random) : randomSnapshot(random);
}

std::optional<Counterexample> proveCompiled(std::uint64_t seed, int flows, ProofCounts& counts) {
  const Snapshot snapshot = clusterOf(seed);
  const auto ruleset = policy::compile(snapshot).ruleset;
  Random random(seed);
  ++counts.clusters;
  for (; flows > 0; --flows) {
    const Flow flow = randomFlow(random, snapshot);
    const bool meant = policy::nodeAllows(snapshot, flow);
    counts.add(flow, meant);
    if (!disagree(ruleset, snapshot, flow)) continue;
    Snapshot small = shrink(
        snapshot, [&](const Snapshot& s) { return disagree(policy::compile(s).ruleset, s, flow); });
    const bool meantInSmall = policy::nodeAllows(small, flow);
    return Counterexample{std::move(small), flow, meantInSmall, "the compiled table"};
  }
  return std::nullopt;
}

std::string toText(const Counterexample& counterexample) {
  const auto& [snapshot, flow, meant, disagreeing] = counterexample;
  std::string text = "# The flow " + describe(flow) + " should be " +
                     (meant ? "allowed" : "denied") + "; " + disagreeing + " says otherwise.\n";
  text += "# node:" + addresses(snapshot.nodeIps) +
          ", podToNode: " + (snapshot.podToNode == policy::PodToNode::Allow ? "allow" : "policy") +
          "\n";
  for (const auto& endpoint : snapshot.endpoints) {
    text += "# local pod " + toString(endpoint.pod) + " at " +
            (endpoint.hostInterface ? endpoint.hostInterface->text() : "an unknown interface") +
            ":" + addresses(endpoint.ips) + "\n";
  }
  return text + toYaml(objectsOf(snapshot));
}

}  // namespace kpol::test
