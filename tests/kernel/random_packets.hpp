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

// Random clusters made real: pods made by the plugin, policies read by kpold as manifests, oddly
// spelled, and packets between pods, the node and a host outside, which also stands at the edges of
// blocks and plays the pods of other nodes. In the network namespace of the
// calling thread, which holds one such object at a time. Throws std::runtime_error where the node
// does not do what it is told.
class RandomPackets {
 public:
  static constexpr std::size_t kFlows = 60;

  explicit RandomPackets(policy::PodToNode podToNode);
  RandomPackets(const RandomPackets&) = delete;
  RandomPackets& operator=(const RandomPackets&) = delete;
  ~RandomPackets();

  // Sends kFlows packets in a cluster made of `seed`; each must do what the policies mean, and what
  // the interpreter says of the compiled table. Nothing: all three agree.
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
  struct End;  // where an attempt can come from or go to
  [[nodiscard]] std::vector<End> endsOf(const policy::Snapshot& snapshot) const;
  std::vector<Attempt> randomAttempts(Random& random, const policy::Snapshot& snapshot) const;
  // Who disagrees with the policies about a flow that reached so far; empty: nobody.
  static std::string disagreeing(const policy::Snapshot& snapshot, const Attempt& attempt,
                                 Reach reach);
  Counterexample smallest(policy::Snapshot snapshot, const Attempt& attempt, std::uint64_t seed);
  // Makes the cluster real for this one attempt; empty also when nobody can make it.
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
