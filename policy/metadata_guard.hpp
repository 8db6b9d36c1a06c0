// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "policy/objects.hpp"

#include <array>
#include <set>
#include <string>
#include <vector>

// Keeps pods away from the cloud's metadata service, which hands out the node's credentials. A pod
// reaches it only if
//   - an egress policy that selects it has an ipBlock with exactly this address (a host prefix
//     without excepts; a wider block, such as 0.0.0.0/0, was not meant for the service), or
//   - its namespace has the label kpol.io/metadata-access=allow, or
//   - its namespace is exempt.
// The policies of the pod apply in these cases, too.
namespace kpol::policy {

inline constexpr const char* kMetadataAccessLabel = "kpol.io/metadata-access";

struct MetadataGuard {
  bool on = false;
  std::set<std::string> exemptNamespaces;
  bool operator==(const MetadataGuard&) const = default;
};

// 169.254.169.254 and fd00:ec2::254.
const std::array<base::IpAddress, 2>& metadataAddresses();
bool isMetadataAddress(const base::IpAddress& address);

// Whether an egress rule of `policy` has a peer that is exactly the host prefix of `address`.
bool namesInEgress(const NetworkPolicy& policy, const base::IpAddress& address);

// The properties of a pod that decide whether it is guarded.
struct GuardedPod {
  const std::string& nsName;
  const Namespace* ns;                                      // null: unknown
  const std::vector<const NetworkPolicy*>& egressPolicies;  // those that isolate its egress
};
// Whether the pod, from its address `ip`, must not reach the service of the same family.
bool isGuarded(const MetadataGuard& guard, const GuardedPod& pod, const base::IpAddress& ip);
// The name of the set of guarded addresses.
const char* guardedSet(base::Family family);

// The guard's part of the table, filled pod by pod:
//   metadata4, metadata6   addresses of local pods that must not reach the service
//   metadata-guard         counter of dropped packets
// `guard` must outlive this object.
class GuardedPods {
 public:
  explicit GuardedPods(const MetadataGuard& guard) : guard_(guard) {}

  // Adds the addresses `ips` of a pod, if it is guarded. The arguments are as in GuardedPod.
  void add(const std::string& nsName, const Namespace* ns,
           const std::vector<const NetworkPolicy*>& egressPolicies,
           const std::vector<base::IpAddress>& ips);
  // Adds the sets, the counter and, for each of `places` in order, a rule that drops: before rule
  // number `at` of the chain. Adds nothing if the guard is off.
  struct Place {
    std::string chain;
    std::size_t at;
    base::Family family;
  };
  void addTo(nft::Ruleset& ruleset, const std::vector<Place>& places) &&;

 private:
  const MetadataGuard& guard_;
  std::vector<nft::Element> pods4_;
  std::vector<nft::Element> pods6_;
};

}  // namespace kpol::policy
