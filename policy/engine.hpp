// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/change_set.hpp"
#include "nft/ruleset.hpp"
#include "policy/changed_flows.hpp"
#include "policy/metadata_guard.hpp"
#include "policy/snapshot.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace kpol::policy {

// The table of one node, updated object by object. It equals the table that compile() makes from
// snapshot(), but the cost of an event depends on what it changes and not on what exists.
//
// There are two levels. Structure (profiles with their chains, port maps and sets) is compiled
// again only for the profiles concerned, when policies or local pods change. Membership (the
// elements of peer sets) follows every pod and namespace: its labels lead to the selectors that
// match it, and only the selectors of policies that select a local pod are indexed.
//
// Stores the objects compactly: labels and other strings that objects share are stored once.
// No I/O; to be used by one thread. Never fails.
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

  // put() replaces the object of the same name. All of these return false if nothing changed.
  bool put(const Namespace& ns);
  bool put(const Pod& pod);
  bool put(const NetworkPolicy& policy);
  bool removeNamespace(const std::string& name);
  bool removePod(const base::ObjectKey& key);
  bool removePolicy(const base::ObjectKey& key);
  // Sets all endpoints of a local pod; empty: the pod is not local. The Pod object may still be
  // unknown. `Age::New`: if the pod had none before, no flow is established through these.
  enum class Age : std::uint8_t { New, Unknown };
  bool setEndpoints(const base::ObjectKey& pod, std::vector<Endpoint> endpoints,
                    Age age = Age::Unknown);
  // The node's addresses are not part of the table, only of snapshot().
  bool setNodeIps(std::vector<base::IpAddress> nodeIps);
  bool setHostPortIps(std::vector<base::IpAddress> ips);  // sorted, unique
  bool setNetwork(NodeNetwork network);

  // Returns the changes of the table since the last call, for one transaction (at the first call:
  // the content of the whole table). They turn the ruleset() of the last call into the current one.
  nft::ChangeSet takeChanges();
  // Returns which flows the events since the last call concern: established packets are accepted
  // before policies are evaluated, so the table alone does not forbid them.
  ChangedFlows takeChangedFlows();
  // Returns the whole table, for comparison with the kernel's at start and whenever the two may
  // differ. The cost grows with the number of objects.
  [[nodiscard]] nft::Ruleset ruleset();
  struct Size {
    std::size_t sets = 0;
    std::size_t chains = 0;
    std::size_t rules = 0;
    std::size_t elements = 0;
  };
  // Call it after takeChanges(): elements of peer sets created since then are not counted.
  [[nodiscard]] Size size();

  // Makes exactly these profiles (given by chain) deny everything except traffic of a pod to
  // itself, whatever their policies allow, because the kernel rejects their rules.
  void deny(const std::set<std::string>& profiles);
  // The profiles that deny everything because their policies are too large (kMostProfileEntries),
  // as of the last takeChanges() or ruleset().
  [[nodiscard]] const std::set<std::string>& oversizedProfiles() const;
  // The profiles that have a chain, counter or set of this name. Empty: the object belongs to no
  // profile, but to the part of the table that all share.
  [[nodiscard]] std::set<std::string> profilesWith(const std::string& object) const;
  [[nodiscard]] bool hasProfile(const std::string& profile) const;
  // The profile must exist (hasProfile()).
  [[nodiscard]] Direction directionOf(const std::string& profile) const;
  [[nodiscard]] std::vector<base::ObjectKey> policiesOf(const std::string& profile) const;
  [[nodiscard]] std::vector<base::ObjectKey> podsOf(const std::string& profile) const;
  [[nodiscard]] std::optional<NetworkPolicy> findPolicy(const base::ObjectKey& key) const;

  // The policies that isolate the pod in this direction, sorted by key. If the kernel rejects the
  // pod's profile (deny()), one policy without rules instead.
  [[nodiscard]] std::vector<NetworkPolicy> effectivePolicies(const base::ObjectKey& pod,
                                                             Direction direction) const;

  // Returns a copy of all objects, which is expensive. The generation is 0.
  [[nodiscard]] Snapshot snapshot() const;
  [[nodiscard]] std::optional<Pod> findPod(const base::ObjectKey& key) const;
  [[nodiscard]] std::optional<Namespace> findNamespace(const std::string& name) const;
  // The pods with a pod network for which `wanted` returns true, given nodeName and status.podIPs.
  // Visits all pods.
  [[nodiscard]] std::vector<base::ObjectKey> podsWhere(
      const std::function<bool(const std::string&, const std::vector<base::IpAddress>&)>& wanted)
      const;
  [[nodiscard]] bool hasPods(const std::string& ns) const;
  [[nodiscard]] std::vector<Namespace> namespaces() const;
  [[nodiscard]] std::vector<Endpoint> endpointsOf(const base::ObjectKey& pod) const;
  [[nodiscard]] std::vector<Endpoint> endpoints() const;  // sorted
  // The pod that podAt() or localPodAt() of snapshot() would find.
  [[nodiscard]] std::optional<base::ObjectKey> podAt(const base::IpAddress& address) const;
  [[nodiscard]] std::optional<base::ObjectKey> localPodAt(const base::IpAddress& address) const;
  [[nodiscard]] const std::vector<base::IpAddress>& nodeIps() const;
  [[nodiscard]] const NodeNetwork& network() const;
  [[nodiscard]] const Settings& settings() const;
  struct Counts {
    std::size_t namespaces = 0;
    std::size_t pods = 0;
    std::size_t policies = 0;
    std::size_t endpoints = 0;  // with an interface
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::policy
