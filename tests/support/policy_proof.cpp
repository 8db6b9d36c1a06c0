// SPDX-License-Identifier: Apache-2.0
#include "tests/support/policy_proof.hpp"

#include "policy/compile.hpp"
#include "tests/support/interpreter.hpp"
#include "tests/support/manifest_text.hpp"
#include "tests/support/random_policy.hpp"
#include "tests/support/shrink_policy.hpp"

namespace kpol::test {
namespace {

using policy::Flow;
using policy::Snapshot;

bool disagree(const Snapshot& snapshot, const Flow& flow) {
  return passes(policy::compile(snapshot).ruleset, snapshot, flow) !=
         policy::nodeAllows(snapshot, flow);
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
    if (passes(ruleset, snapshot, flow) == meant) continue;
    Snapshot small = shrink(snapshot, [&](const Snapshot& s) { return disagree(s, flow); });
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
    text += "# local pod " + toString(endpoint.pod) + " at " + endpoint.hostInterface.text() + ":" +
            addresses(endpoint.ips) + "\n";
  }
  return text + toYaml(objectsOf(snapshot));
}

}  // namespace kpol::test
