// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/label_table.hpp"
#include "policy/selector_index.hpp"
#include "policy/snapshot.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

// The objects of a cluster as the engine holds them: found by name and by label, small, changed one
// by one. Private to the engine and its parts; others meet Snapshot.
namespace kpol::policy {

struct NamespaceRecord;

struct PodRecord {
  NamespaceRecord* ns = nullptr;
  const std::string* name = nullptr;  // the key in ns->pods
  const std::string* nodeName = nullptr;
  const InternedLabels* labels = nullptr;
  const std::vector<ContainerPort>* ports = nullptr;
  std::vector<base::IpAddress> ips;  // status.podIPs
  // Claimed in their place by a local pod; null: not local.
  std::unique_ptr<const std::vector<base::IpAddress>> endpointIps;
  std::array<std::uint8_t, 16> uidBytes{};  // of a UID in the usual form
  const std::string* uidText = nullptr;     // of any other
  std::uint32_t placeInLabels = 0;          // in labels->pods
  PodPhase phase = PodPhase::Pending;
  bool hostNetwork = false;
  bool local = false;     // has an endpoint here
  bool claiming = false;  // its addresses are taken for its own

  // What it takes for its own (others may, too).
  [[nodiscard]] const std::vector<base::IpAddress>& claims() const;
  [[nodiscard]] bool hasPodNetwork() const;
  [[nodiscard]] base::ObjectKey key() const;
  [[nodiscard]] Pod pod() const;
};

struct PolicyRecord {
  NetworkPolicy policy;
  LabelSelector podSelector;       // canonical
  std::set<std::string> profiles;  // chains of the profiles that hold it
};

struct Group;  // of namespaces: those that one namespaceSelector matches
struct Subscription;

struct NamespaceRecord {
  std::string name;
  bool known = false;                      // its object was seen
  const InternedLabels* labels = nullptr;  // of the object, or what every namespace has
  std::map<std::string, PodRecord, std::less<>> pods;
  std::map<std::string, PolicyRecord, std::less<>> policies;
  SelectorIndex<PolicyRecord> policyIndex;
  std::unique_ptr<SelectorIndex<Subscription>> subscriptions;  // to pods of this namespace alone
  std::vector<Group*> groups;

  [[nodiscard]] bool isNeeded() const;
};

class Cluster {
 public:
  Cluster() = default;
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Null when there is none.
  [[nodiscard]] PodRecord* findPod(const base::ObjectKey& key);
  [[nodiscard]] const PodRecord* findPod(const base::ObjectKey& key) const;
  [[nodiscard]] NamespaceRecord* findNamespace(std::string_view name);
  [[nodiscard]] const NamespaceRecord* findNamespace(std::string_view name) const;
  // Makes the record where there is none.
  NamespaceRecord& namespaceAt(const std::string& name);
  // Forgets the record when nothing is in it.
  void drop(NamespaceRecord& ns);
  [[nodiscard]] auto& namespaces() { return namespaces_; }
  [[nodiscard]] const auto& namespaces() const { return namespaces_; }

  // Stores the pod's fields. The record must claim nothing.
  PodRecord& store(const Pod& pod);
  // The record must claim nothing.
  void erase(PodRecord& pod);
  // Nothing: the labels of a namespace not seen.
  void setLabels(NamespaceRecord& ns, const std::optional<Labels>& labels);

  // The pod takes its addresses for its own: those of its endpoints where it has some
  // (`endpointIps`: sorted, unique), else status.podIPs. Only while it has the pod network.
  void claim(PodRecord& pod, const std::optional<std::vector<base::IpAddress>>& endpointIps);
  void unclaim(PodRecord& pod);
  // Who has `ip` of all that claim it: a local pod first, then the first by key (podAt()). Null:
  // nobody.
  [[nodiscard]] const PodRecord* owner(const base::IpAddress& ip) const;
  [[nodiscard]] bool owns(const PodRecord& pod, const base::IpAddress& ip) const {
    return owner(ip) == &pod;
  }
  // All that claim one of `ips`, and `self`.
  [[nodiscard]] std::vector<PodRecord*> claimants(const std::vector<base::IpAddress>& ips,
                                                  PodRecord* self) const;
  [[nodiscard]] std::size_t podCount() const { return podCount_; }
  [[nodiscard]] const LabelTable& labels() const { return labels_; }

 private:
  struct Claims {
    PodRecord* first = nullptr;
    std::unique_ptr<std::vector<PodRecord*>> more;  // seldom
  };
  const std::vector<ContainerPort>* internPorts(const std::vector<ContainerPort>& ports);
  void releasePorts(const std::vector<ContainerPort>* ports);
  struct Held {  // what a record has in the tables below
    const std::string* nodeName;
    const std::string* uidText;
    const InternedLabels* labels;
    const std::vector<ContainerPort>* ports;
  };
  static Held heldBy(const PodRecord& pod) {
    return {pod.nodeName, pod.uidText, pod.labels, pod.ports};
  }
  void release(const Held& held);
  void setUid(PodRecord& pod, const std::string& uid);
  static void enterLabels(PodRecord& pod);
  static void leaveLabels(PodRecord& pod);

  StringTable strings_;
  LabelTable labels_{strings_};
  std::map<std::vector<ContainerPort>, std::uint32_t> ports_;
  std::map<std::string, NamespaceRecord, std::less<>> namespaces_;
  std::unordered_map<base::IpAddress, Claims> claims_;
  std::size_t podCount_ = 0;
};

}  // namespace kpol::policy
