// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"
#include "policy/objects.hpp"

#include <set>
#include <string>
#include <vector>

// Keeps pods away from the cloud's metadata service, which hands out the node's credentials. A pod
// reaches it only if
//   - its namespace has the label kpol.io/metadata-access=allow, or
//   - its namespace is exempt.
// The policies of the pod apply in these cases, too. No policy opens the service, because whoever
// may write policies in a namespace is not thereby entitled to the node's credentials.
namespace kpol::policy {

inline constexpr const char* kMetadataAccessLabel = "kpol.io/metadata-access";

// The addresses at which clouds serve their metadata.
const std::vector<base::IpAddress>& knownMetadataAddresses();

struct MetadataGuard {
  bool on = false;
  std::set<std::string> exemptNamespaces;
  std::vector<base::IpAddress> addresses = knownMetadataAddresses();
  bool operator==(const MetadataGuard&) const = default;
};

// Whether the pods of a namespace must not reach the service. `ns` is null if it is unknown.
bool isGuarded(const MetadataGuard& guard, const std::string& nsName, const Namespace* ns);
// The name of the set of guarded pods.
const char* guardedSet(base::Family family);

// The guard's part of the table, filled pod by pod:
//   metadata4, metadata6                     addresses of local pods that must not reach the
//   service metadata-addresses4, metadata-addresses6 addresses of the service metadata-guard
//   counter of dropped packets
// `guard` must outlive this object.
class GuardedPods {
 public:
  explicit GuardedPods(const MetadataGuard& guard) : guard_(guard) {}

  // Adds the addresses `ips` of a pod, if it is guarded. The other arguments are as in isGuarded().
  void add(const std::string& nsName, const Namespace* ns, const std::vector<base::IpAddress>& ips);
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
