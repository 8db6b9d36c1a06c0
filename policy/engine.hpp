// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/change_set.hpp"
#include "nft/ruleset.hpp"
#include "policy/metadata_guard.hpp"
#include "policy/snapshot.hpp"

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace kpol::policy {

// The table of one node, kept up to date object by object: the same table that compile() makes of
// snapshot(), at the cost of what an event changes and not of what exists.
//
// Two levels. Structure (profiles with their chains, port maps and sets) is compiled again only for
// the profiles concerned, when policies or local pods change. Membership (the elements of sets of
// peers) follows any pod and namespace: the selectors that match it are found through its labels,
// and only those of policies that select a local pod are there to be found.
//
// Holds the objects, compactly: labels and other texts that many objects share are there once.
// Pure memory; one thread. Never fails.
class Engine {
 public:
  struct Settings {
    PodToNode podToNode = PodToNode::Allow;
    MetadataGuard metadataGuard = {};
  };
  explicit Engine(Settings settings);
  ~Engine();
  Engine(Engine&&) noexcept;
  Engine& operator=(Engine&&) noexcept;

  // Each takes the place of the object of its name. False: nothing changed.
  bool put(const Namespace& ns);
  bool put(const Pod& pod);
  bool put(const NetworkPolicy& policy);
  bool removeNamespace(const std::string& name);
  bool removePod(const base::ObjectKey& key);
  bool removePolicy(const base::ObjectKey& key);
  // The interfaces of a local pod, all of them; none: the pod is not local. The pod itself may be
  // unknown (yet).
  bool setEndpoints(const base::ObjectKey& pod, std::vector<Endpoint> endpoints);
  // Addresses of the node are no part of the table; the snapshot has them.
  bool setNodeIps(std::vector<base::IpAddress> nodeIps);
  bool setNetwork(NodeNetwork network);

  // What changed in the table since the last call, for one transaction (at the first call: all of
  // it). Applied to ruleset() as it was then, it gives ruleset() as it is now.
  nft::ChangeSet takeChanges();
  // The whole table. To be compared with the kernel's at start and after any doubt: takes as long
  // as there are objects.
  [[nodiscard]] nft::Ruleset ruleset();
  struct Size {
    std::size_t sets = 0;
    std::size_t chains = 0;
    std::size_t rules = 0;
    std::size_t elements = 0;
  };
  [[nodiscard]] Size size();

  // These profiles (by their chains), and no others, deny everything, whatever their policies say:
  // the kernel refuses what they would be.
  void deny(const std::set<std::string>& profiles);
  // The profiles that have a chain, counter or set of this name; empty: it belongs to all.
  [[nodiscard]] std::set<std::string> profilesWith(const std::string& object) const;
  [[nodiscard]] bool hasProfile(const std::string& profile) const;
  // Of a profile that there is.
  [[nodiscard]] Direction directionOf(const std::string& profile) const;
  [[nodiscard]] std::vector<base::ObjectKey> policiesOf(const std::string& profile) const;
  [[nodiscard]] std::vector<base::ObjectKey> podsOf(const std::string& profile) const;
  [[nodiscard]] std::optional<NetworkPolicy> findPolicy(const base::ObjectKey& key) const;

  // The objects, as values; generation is 0. As expensive as it looks.
  [[nodiscard]] Snapshot snapshot() const;
  [[nodiscard]] std::optional<Pod> findPod(const base::ObjectKey& key) const;
  [[nodiscard]] std::optional<Namespace> findNamespace(const std::string& name) const;
  [[nodiscard]] bool hasPods(const std::string& ns) const;
  [[nodiscard]] std::vector<Namespace> namespaces() const;
  [[nodiscard]] std::vector<Endpoint> endpointsOf(const base::ObjectKey& pod) const;
  struct Counts {
    std::size_t namespaces = 0;
    std::size_t pods = 0;
    std::size_t policies = 0;
    std::size_t endpoints = 0;
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::policy
