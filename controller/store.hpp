// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/attachment.hpp"
#include "kube/object.hpp"
#include "policy/diagnostic.hpp"
#include "policy/engine.hpp"
#include "policy/posture.hpp"
#include "policy/snapshot.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace kpol::controller {

// All state that kpold has: the cluster's objects from its source and this node's attachments from
// the plugin. Passes each change to the engine that maintains the table. Does no I/O; one thread.
class Store {
 public:
  // How the node treats pods; part of every snapshot.
  struct Settings {
    policy::PodToNode podToNode = policy::PodToNode::Allow;
    policy::Posture posture;
    policy::MetadataGuard metadataGuard;
    std::string nodeName = {};  // empty: no pod is known to be on this node
  };
  explicit Store(Settings settings)
      : settings_(std::move(settings)), engine_({settings_.podToNode, settings_.metadataGuard}) {}
  explicit Store(policy::PodToNode podToNode) : Store(Settings{podToNode, {}, {}, {}}) {}

  void apply(const kube::WatchEvent& event);
  // Call this when the source has been read completely for the first time: from then on an object
  // that the store does not have does not exist.
  void markSynced() { synced_ = true; }
  [[nodiscard]] bool synced() const { return synced_; }

  // Adds the attachment, or replaces the one with the same ID.
  void put(const conf::Attachment& attachment);
  // Returns false if there is none.
  bool remove(const conf::AttachmentId& id);
  [[nodiscard]] const conf::Attachment* find(const conf::AttachmentId& id) const;
  [[nodiscard]] const std::map<conf::AttachmentId, conf::Attachment>& attachments() const {
    return attachments_;
  }
  // An attachment with another ID that has the same host interface, one of the addresses or one of
  // the host ports; null if there is none.
  [[nodiscard]] const conf::Attachment* conflicting(const conf::Attachment& attachment) const;

  // The pods that run on this node according to their objects but have no attachment: those of
  // another plugin, or kpold lost its state directory. They are endpoints with the addresses of
  // their status, so that policies apply to these addresses. Pods whose attachments were removed
  // are not included: their addresses may already belong to other pods. Sorted.
  [[nodiscard]] std::vector<policy::Endpoint> unattached() const;

  // `auxiliary`: those of `nodeIps` that are on the loopback device or on dummy devices. Such an
  // address is usually one of a service (kube-proxy in IPVS mode, node-local DNS, a load balancer
  // that leaves the destination unchanged), so host ports do not apply to it, unless the status of
  // this node's Node object contains it.
  void setNodeIps(std::vector<base::IpAddress> nodeIps,
                  std::vector<base::IpAddress> auxiliary = {});
  void setNetwork(policy::NodeNetwork network);
  // The node of each pod CIDR. From now on a pod has only those of its status.podIPs that are in a
  // pod CIDR of its node: no pod gets the rights of a pod of another node by reporting its address.
  // Pods without nodeName are not checked.
  using PodCidrs = std::map<base::Prefix, std::string>;
  void setPodCidrs(const PodCidrs& cidrs);

  // Grows with every change that snapshot() shows; 0 only before the first change.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }
  // All of the state, built on demand and shared until the next change: for people, not for the
  // event path. An attachment is an endpoint once its pod is known and isOf() it. See also
  // unattached().
  [[nodiscard]] std::shared_ptr<const policy::Snapshot> snapshot() const;

  // The engine with the table for the current snapshot.
  [[nodiscard]] policy::Engine& engine() { return engine_; }
  // Null if there is none; valid until the next event.
  [[nodiscard]] const policy::Node* findNode(const std::string& name) const;
  [[nodiscard]] std::optional<policy::Pod> findPod(const base::ObjectKey& key) const {
    return engine_.findPod(key);
  }
  // The generation that must be committed for the attachment to be enforced: that of the last
  // change of its pod's endpoints. nullopt while the attachment is not an endpoint.
  [[nodiscard]] std::optional<std::uint64_t> endpointSince(
      const conf::Attachment& attachment) const;

  // By name; valid until the next event.
  [[nodiscard]] const std::map<std::string, policy::Node>& nodes() const { return nodes_; }
  // Grows with every change of the nodes.
  [[nodiscard]] std::uint64_t nodesGeneration() const { return nodesGeneration_; }

  struct Counts {
    std::size_t namespaces = 0;
    std::size_t nodes = 0;
    std::size_t pods = 0;
    std::size_t networkPolicies = 0;
  };
  [[nodiscard]] Counts counts() const;
  // Namespaces whose default-policy label has a value that kpol does not know; they deny. Pods with
  // addresses outside their node's pod CIDRs.
  [[nodiscard]] std::vector<policy::Diagnostic> diagnostics() const;

 private:
  void apply(const policy::Namespace& ns, bool deleted);
  void apply(const policy::Node& node, bool deleted);
  void apply(const policy::Pod& pod, bool deleted);
  void apply(const policy::NetworkPolicy& policy, bool deleted);
  void changedIf(bool changed);
  void applyPosture(const std::string& ns);
  [[nodiscard]] bool isInCidrOf(const std::string& node, const base::IpAddress& ip) const;
  policy::Pod withoutForeignAddresses(policy::Pod pod);
  void applyHostPortIps();
  void tellEndpoints(const base::ObjectKey& pod,
                     policy::Engine::Age age = policy::Engine::Age::Unknown);
  [[nodiscard]] std::vector<policy::Endpoint> endpointsOf(const base::ObjectKey& pod) const;
  void noteResident(const policy::Pod& pod, bool deleted);
  // The endpoint of a pod without attachments; nullopt if it is none.
  [[nodiscard]] std::optional<policy::Endpoint> unattachedEndpoint(
      const base::ObjectKey& pod) const;
  [[nodiscard]] bool hasAttachmentAt(const base::IpAddress& ip) const;
  // Call this after an attachment was added or removed: its addresses are not those of pods without
  // attachments.
  void tellResidentsAt(const std::vector<base::IpAddress>& ips);

  // A pod with a pod network that runs on this node according to its object.
  struct Resident {
    std::string uid;
    std::vector<base::IpAddress> ips;
    bool detached = false;  // had an attachment, which was removed
  };

  Settings settings_;
  bool synced_ = false;
  std::uint64_t generation_ = 0;
  policy::Engine engine_;
  std::vector<base::IpAddress> nodeIps_;
  std::vector<base::IpAddress> auxiliaryIps_;
  std::map<std::string, policy::Node> nodes_;
  std::uint64_t nodesGeneration_ = 0;
  std::optional<PodCidrs> podCidrs_;
  // status.podIPs of the pods that have an address outside their node's pod CIDRs.
  std::map<base::ObjectKey, std::vector<base::IpAddress>> reported_;
  std::map<conf::AttachmentId, conf::Attachment> attachments_;
  std::map<base::ObjectKey, std::set<conf::AttachmentId>> attachmentsOf_;
  std::map<base::ObjectKey, Resident> residents_;
  std::map<base::ObjectKey, std::uint64_t> endpointsChanged_;  // last change, for local pods
  mutable std::shared_ptr<const policy::Snapshot> snapshot_;   // of generation_, once built
};

// Whether `attachment` is an interface of `pod`: the names are equal and, if both have a UID, the
// UIDs too, so that a pod that replaced another of its name does not inherit its interface. The UID
// of a static pod's attachment is the configHash of its mirror pod.
bool isOf(const conf::Attachment& attachment, const policy::Pod& pod);
// The attachment as the policy engine sees it.
policy::Endpoint endpointOf(const conf::Attachment& attachment);

}  // namespace kpol::controller
