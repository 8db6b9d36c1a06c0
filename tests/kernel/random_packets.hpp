// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/snapshot.hpp"
#include "tests/support/node.hpp"
#include "tests/support/policy_proof.hpp"
#include "tests/support/prober.hpp"
#include "tests/support/random_policy.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace kpol::test {

// Creates random clusters: pods added by the plugin, policies read by kpold as manifests in unusual
// spellings, and packets between pods, the node and a host outside. The host also has the first and
// last addresses of ipBlocks and acts as the pods of other nodes. Uses the network namespace of the
// calling thread, which may have one such object at a time. Throws std::runtime_error if the node
// does not work as expected.
class RandomPackets {
 public:
  static constexpr std::size_t kFlows = 60;

  explicit RandomPackets(policy::PodToNode podToNode);
  RandomPackets(const RandomPackets&) = delete;
  RandomPackets& operator=(const RandomPackets&) = delete;
  ~RandomPackets();

  // Sends kFlows packets in a cluster made from `seed`. Each must have the verdict of the policies,
  // and that of the interpreter with the compiled table. Returns nullopt if all three agree.
  std::optional<Counterexample> prove(std::uint64_t seed, ProofCounts& counts);

  [[nodiscard]] std::string log() const { return node_.log(); }  // of kpold

 private:
  policy::Snapshot realisable(policy::Snapshot snapshot) const;
  policy::Snapshot clusterOf(std::uint64_t seed) const;
  void write(const policy::Snapshot& snapshot, std::uint64_t seed) const;
  // The host interfaces become those the plugin chose.
  void realise(policy::Snapshot& snapshot, std::uint64_t seed);
  void dismantle();
  // Addresses that the host outside has besides its own while a cluster is proven.
  void choosePlaces(const policy::Snapshot& snapshot, Random& random);
  void addPlaces();
  void removePlaces();
  struct End;  // where a packet can come from or go to
  [[nodiscard]] std::vector<End> endsOf(const policy::Snapshot& snapshot) const;
  std::vector<Attempt> randomAttempts(Random& random, const policy::Snapshot& snapshot) const;
  // Returns who disagrees with the policies about a flow with this result, or an empty string.
  static std::string disagreeing(const policy::Snapshot& snapshot, const Attempt& attempt,
                                 Reach reach);
  Counterexample smallest(policy::Snapshot snapshot, const Attempt& attempt, std::uint64_t seed);
  // Creates the cluster for this one attempt; returns an empty string also if it cannot be created.
  std::string retry(policy::Snapshot snapshot, const Attempt& attempt, std::uint64_t seed);

  [[nodiscard]] NodeOptions options() const;

  policy::PodToNode podToNode_;
  std::filesystem::path config_;  // kpold's
  Node node_;
  Prober prober_;
  std::vector<base::IpAddress> places_;
  std::vector<std::pair<NodePod, std::string>> sandboxes_;  // with their network configs
};

}  // namespace kpol::test
