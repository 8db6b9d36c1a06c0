// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/attachment.hpp"
#include "kube/object.hpp"
#include "policy/diagnostic.hpp"
#include "policy/posture.hpp"
#include "policy/snapshot.hpp"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kpol::controller {

// What kpold knows: the cluster's objects as its source tells them and this node's attachments as
// the plugin tells them. Makes the snapshots that are compiled. Pure memory; one thread.
class Store {
 public:
  // How the node is told to treat pods; part of every snapshot.
  struct Settings {
    policy::PodToNode podToNode = policy::PodToNode::Allow;
    policy::Posture posture;
    policy::MetadataGuard metadataGuard;
  };
  explicit Store(Settings settings) : settings_(std::move(settings)) {}
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

  // Grows with every change that snapshot() shows; 0 only while nothing was ever put in.
  [[nodiscard]] std::uint64_t generation() const { return generation_; }
  // The same object until the next change. An attachment is an endpoint once its pod is known and,
  // where both have a UID, it is that very pod: a pod that replaced another of its name does not
  // inherit its interface.
  [[nodiscard]] std::shared_ptr<const policy::Snapshot> snapshot() const;

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
  template <class Key, class Value>
  void applyTo(std::map<Key, Value>& objects, const Key& key, const Value& value, bool deleted);
  void changed();
  void applyPosture(const std::string& ns);
  [[nodiscard]] std::vector<policy::Endpoint> endpoints() const;

  Settings settings_;
  bool synced_ = false;
  std::uint64_t generation_ = 0;
  std::map<std::string, policy::Namespace> namespaces_;
  std::map<std::string, policy::Node> nodes_;
  std::map<base::ObjectKey, policy::Pod> pods_;
  std::map<base::ObjectKey, policy::NetworkPolicy> policies_;
  std::map<conf::AttachmentId, conf::Attachment> attachments_;
  std::vector<base::IpAddress> nodeIps_;
  mutable std::shared_ptr<const policy::Snapshot> snapshot_;  // of generation_, when made
};

// Whether `attachment` is the interface of `pod`: the same name and, where both have one, UID.
bool isOf(const conf::Attachment& attachment, const policy::Pod& pod);
// What it is to the policies.
policy::Endpoint endpointOf(const conf::Attachment& attachment);

}  // namespace kpol::controller
