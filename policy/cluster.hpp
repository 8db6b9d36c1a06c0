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

// The objects of a cluster as the engine stores them: compact, indexed by name and by label,
// changed one at a time. Private to the engine and its parts; other code uses Snapshot.
namespace kpol::policy {

struct NamespaceRecord;

struct PodRecord {
  NamespaceRecord* ns = nullptr;
  const std::string* name = nullptr;  // the key in ns->pods
  const std::string* nodeName = nullptr;
  const InternedLabels* labels = nullptr;
  const std::vector<ContainerPort>* ports = nullptr;
  std::vector<base::IpAddress> ips;  // status.podIPs
  // A local pod claims these instead of status.podIPs; null: not local.
  std::unique_ptr<const std::vector<base::IpAddress>> endpointIps;
  std::array<std::uint8_t, 16> uidBytes{};  // a UID as the API server writes it (RFC 9562)
  const std::string* uidText = nullptr;     // any other UID; else null
  const std::string* configHash = nullptr;  // null: none
  std::uint32_t placeInLabels = 0;          // index in labels->pods
  std::uint32_t created = 0;
  PodPhase phase = PodPhase::Pending;
  bool terminating = false;
  bool hostNetwork = false;
  bool local = false;     // has an endpoint on this node
  bool claiming = false;  // its addresses are registered in the cluster's claims

  // The addresses the pod claims (other pods may claim them, too); empty unless `claiming`.
  [[nodiscard]] const std::vector<base::IpAddress>& claims() const;
  [[nodiscard]] bool hasPodNetwork() const;
  [[nodiscard]] base::ObjectKey key() const;
  [[nodiscard]] Pod pod() const;
};

struct PolicyRecord {
  NetworkPolicy policy;
  LabelSelector podSelector;       // canonical
  std::set<std::string> profiles;  // chains of the profiles that contain the policy
};

struct Group;  // the namespaces that one namespaceSelector matches
struct Subscription;

struct NamespaceRecord {
  std::string name;
  bool known = false;                      // the Namespace object is known
  const InternedLabels* labels = nullptr;  // of the object; unknown: kNamespaceNameLabel only
  std::map<std::string, PodRecord, std::less<>> pods;
  std::map<std::string, PolicyRecord, std::less<>> policies;
  SelectorIndex<PolicyRecord> policyIndex;
  std::unique_ptr<SelectorIndex<Subscription>> subscriptions;  // to pods of this namespace only
  std::vector<Group*> groups;

  [[nodiscard]] bool isNeeded() const;
};

class Cluster {
 public:
  Cluster() = default;
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  // Return null if there is no such object.
  [[nodiscard]] PodRecord* findPod(const base::ObjectKey& key);
  [[nodiscard]] const PodRecord* findPod(const base::ObjectKey& key) const;
  [[nodiscard]] NamespaceRecord* findNamespace(std::string_view name);
  [[nodiscard]] const NamespaceRecord* findNamespace(std::string_view name) const;
  // Returns the record and creates it if it is missing.
  NamespaceRecord& namespaceAt(const std::string& name);
  // Removes the record unless it isNeeded().
  void drop(NamespaceRecord& ns);
  [[nodiscard]] auto& namespaces() { return namespaces_; }
  [[nodiscard]] const auto& namespaces() const { return namespaces_; }

  // Creates or updates the pod's record. An existing record must not be claiming.
  PodRecord& store(const Pod& pod);
  // The record must not be claiming.
  void erase(PodRecord& pod);
  // nullopt: the Namespace object is unknown, so the record has kNamespaceNameLabel only.
  void setLabels(NamespaceRecord& ns, const std::optional<Labels>& labels);

  // Registers the pod's addresses as claimed, if it has the pod network: those of its endpoints
  // (`endpointIps`: sorted, unique) if it is local, else status.podIPs. The record must not be
  // claiming.
  void claim(PodRecord& pod, const std::optional<std::vector<base::IpAddress>>& endpointIps);
  void unclaim(PodRecord& pod);
  // Returns the owner of `ip` among the pods that claim it, as podAt(): a local pod first, then as
  // claimsBefore(). Null: unclaimed.
  [[nodiscard]] const PodRecord* owner(const base::IpAddress& ip) const;
  [[nodiscard]] bool owns(const PodRecord& pod, const base::IpAddress& ip) const {
    return owner(ip) == &pod;
  }
  // Returns `self` and all pods that claim one of `ips`, each once.
  [[nodiscard]] std::vector<PodRecord*> claimants(const std::vector<base::IpAddress>& ips,
                                                  PodRecord* self) const;
  [[nodiscard]] std::size_t podCount() const { return podCount_; }
  [[nodiscard]] const LabelTable& labels() const { return labels_; }

 private:
  struct Claims {
    PodRecord* first = nullptr;
    std::unique_ptr<std::vector<PodRecord*>> more;  // rarely used
  };
  const std::vector<ContainerPort>* internPorts(const std::vector<ContainerPort>& ports);
  void releasePorts(const std::vector<ContainerPort>* ports);
  struct Held {  // a record's references to the tables below
    const std::string* nodeName;
    const std::string* uidText;
    const std::string* configHash;
    const InternedLabels* labels;
    const std::vector<ContainerPort>* ports;
  };
  static Held heldBy(const PodRecord& pod) {
    return {pod.nodeName, pod.uidText, pod.configHash, pod.labels, pod.ports};
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
