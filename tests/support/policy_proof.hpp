// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/evaluate.hpp"
#include "policy/snapshot.hpp"

#include <cstdint>
#include <optional>
#include <string>

// Compares the verdicts of policies (evaluate.hpp) with those of the compiled table for packets
// (interpreter.hpp), forwarded ones and those that the node sends for others, on random clusters.
namespace kpol::test {

struct ProofCounts {
  std::uint64_t clusters = 0;
  std::uint64_t verdicts = 0;
  std::uint64_t allowed = 0;
  std::uint64_t ipv6 = 0;

  void add(const policy::Flow& flow, bool isAllowed);
};

// A flow on which two witnesses disagree, in the smallest cluster found.
struct Counterexample {
  policy::Snapshot snapshot;
  policy::Flow flow;
  bool meant = false;       // the policies' verdict
  std::string disagreeing;  // who disagrees
};

// The cluster of `seed`; one in a hundred is a large one.
policy::Snapshot clusterOf(std::uint64_t seed);

// Evaluates `flows` random flows on clusterOf(seed). Returns nullopt if all agree.
std::optional<Counterexample> proveCompiled(std::uint64_t seed, int flows, ProofCounts& counts);

// The objects as manifests, what the node adds to them, and the flow: enough to see what is wrong
// without the program that found it.
std::string toText(const Counterexample& counterexample);

}  // namespace kpol::test
