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

// What kpold knows: the cluster's objects as its source tells them and this node's attachments as
// the plugin tells them. Each change is told to the engine that keeps the table. Pure memory; one
// thread.
class Store {
 public:
  // How the node is told to treat pods; part of every snapshot.
  struct Settings {
    policy::PodToNode podToNode = policy::PodToNode::Allow;
    policy::Posture posture;
    policy::MetadataGuard metadataGuard;
  };
  explicit Store(Settings settings)
      : settings_(std::move(settings)), engine_({settings_.podToNode, settings_.metadataGuard}) {}
  explicit Store(policy::PodToNode podToNode) : Store(Settings{podToNode, {}, {}}) {}

  void apply(const kube::WatchEvent& event);
  // The first full read of the source is in: from now on the store is all there is to know.
  void markSynced() { synced_ = true; }
  [[nodiscard]] bool synced() const { return synced_; }

  // Replaces an attachment with the same id.
  void put(const conf::Attachment& attachment);
  // False when there is none.
  bool remove(const conf::AttachmentId& id);
  [[nodiscard]] const conf::Attachment* find(const conf::AttachmentId& id) const;
  [[nodiscard]] const std::map<conf::AttachmentId, conf::Attachment>& attachments() const {
    return attachments_;
  }
  // An attachment other than `attachment` itself that has its host interface, one of its addresses
  // or one of its host ports; null when there is none.
  [[nodiscard]] const conf::Attachment* conflicting(const conf::Attachment& attachment) const;

  void setNodeIps(std::vector<base::IpAddress> nodeIps);
  void setNetwork(policy::NodeNetwork network);

  // Grows with every change that snapshot() shows; 0 only while nothing was ever put in.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }
  // All of it, made when asked for and the same object until the next change: for people, not for
  // the path of an event. An attachment is an endpoint once its pod is known and, where both have a
  // UID, it is that very pod: a pod that replaced another of its name does not inherit its
  // interface.
  [[nodiscard]] std::shared_ptr<const policy::Snapshot> snapshot() const;

  // The table that the snapshot means.
  [[nodiscard]] policy::Engine& engine() { return engine_; }
  // Null when there is none; valid until the next event.
  [[nodiscard]] const policy::Node* findNode(const std::string& name) const;
  [[nodiscard]] std::optional<policy::Pod> findPod(const base::ObjectKey& key) const {
    return engine_.findPod(key);
  }
  // The generation from which on the attachment is an endpoint; nothing while it is none.
  [[nodiscard]] std::optional<std::uint64_t> endpointSince(
      const conf::Attachment& attachment) const;

  // By name; valid until the next event.
  [[nodiscard]] const std::map<std::string, policy::Node>& nodes() const { return nodes_; }
  // Grows with every change of them.
  [[nodiscard]] std::uint64_t nodesGeneration() const { return nodesGeneration_; }

  struct Counts {
    std::size_t namespaces = 0;
    std::size_t nodes = 0;
    std::size_t pods = 0;
    std::size_t networkPolicies = 0;
  };
  [[nodiscard]] Counts counts() const;
  // Namespaces whose default policy label has no value that kpol knows: they deny.
  [[nodiscard]] std::vector<policy::Diagnostic> diagnostics() const;

 private:
  void apply(const policy::Namespace& ns, bool deleted);
  void apply(const policy::Node& node, bool deleted);
  void apply(const policy::Pod& pod, bool deleted);
  void apply(const policy::NetworkPolicy& policy, bool deleted);
  void changedIf(bool changed);
  void applyPosture(const std::string& ns);
  void tellEndpoints(const base::ObjectKey& pod);
  [[nodiscard]] std::vector<policy::Endpoint> endpointsOf(const base::ObjectKey& pod) const;

  Settings settings_;
  bool synced_ = false;
  std::uint64_t generation_ = 0;
  policy::Engine engine_;
  std::map<std::string, policy::Node> nodes_;
  std::uint64_t nodesGeneration_ = 0;
  std::map<conf::AttachmentId, conf::Attachment> attachments_;
  std::map<base::ObjectKey, std::set<conf::AttachmentId>> attachmentsOf_;
  std::map<base::ObjectKey, std::uint64_t> endpointsChanged_;  // when last, of local pods
  mutable std::shared_ptr<const policy::Snapshot> snapshot_;   // of generation_, when made
};

// Whether `attachment` is the interface of `pod`: the same name and, where both have one, UID.
bool isOf(const conf::Attachment& attachment, const policy::Pod& pod);
// What it is to the policies.
policy::Endpoint endpointOf(const conf::Attachment& attachment);

}  // namespace kpol::controller
