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
//   - an egress policy that selects it names the very address in an ipBlock (a host prefix: a wider
//     block, such as 0.0.0.0/0, was not written with it in mind), and allows it like any other, or
//   - its namespace has the label kpol.io/metadata-access=allow, or
//   - its namespace is exempt.
// Where a pod may reach it, its policies still decide.
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

// Whether some egress rule of `policy` has a peer that is the host prefix of `address`.
bool namesInEgress(const NetworkPolicy& policy, const base::IpAddress& address);

// Whether a pod of namespace `nsName` (`ns` null: not seen) with the policies that isolate its
// egress, and with the address `ip`, must not reach the service of that family.
struct GuardedPod {
  const std::string& nsName;
  const Namespace* ns;
  const std::vector<const NetworkPolicy*>& egressPolicies;
};
bool isGuarded(const MetadataGuard& guard, const GuardedPod& pod, const base::IpAddress& ip);
// The name of the set of such addresses.
const char* guardedSet(base::Family family);

// The table's part of it, filled pod by pod:
//   metadata4, metadata6   addresses of local pods that must not reach the service
//   metadata-guard         counts what was dropped
class GuardedPods {
 public:
  explicit GuardedPods(const MetadataGuard& guard) : guard_(guard) {}

  // A pod of namespace `ns` (null: not seen) with the policies that isolate its egress.
  void add(const std::string& nsName, const Namespace* ns,
           const std::vector<const NetworkPolicy*>& egressPolicies,
           const std::vector<base::IpAddress>& ips);
  // Adds the sets, and to each of `chains` the rules that drop, before rule number `at` of it.
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
