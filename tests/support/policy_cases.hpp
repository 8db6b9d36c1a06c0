// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "policy/evaluate.hpp"
#include "policy/snapshot.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// Named policy situations with the verdicts that the API text demands, written by hand. They know
// no addresses: whoever runs them (evaluate(), an interpreter of the compiled table, real packets)
// assigns those, so that all runners run the same table.
namespace kpol::test {

struct DualAddress {
  base::IpAddress v4;
  base::IpAddress v6;
  [[nodiscard]] const base::IpAddress& of(base::Family family) const {
    return family == base::Family::V4 ? v4 : v6;
  }
};

// One end of a probe: a pod, or something that is none.
struct Place {
  enum class Kind : std::uint8_t { Pod, OwnNode, OtherNode, OffCluster };
  Kind kind = Kind::Pod;
  base::ObjectKey pod;  // of Kind::Pod
  // "ns/name", "own-node", "other-node", "off-cluster".
  static Place parse(std::string_view text);
  auto operator<=>(const Place&) const = default;
};
std::string toString(const Place& place);

// A pod of a case. `pod.ips` stays empty: the Setting has the addresses.
struct CasePod {
  policy::Pod pod;
  bool hasAddress = true;                            // false: status.podIPs is still empty
  std::optional<base::ObjectKey> addressOf;          // reports this other pod's address as its own
  Place::Kind hostNetworkOf = Place::Kind::OwnNode;  // or OtherNode; of hostNetwork pods
};
// Whether the pod runs on this node with an interface of its own, for which a packet runner has to
// make a sandbox. The others are objects only.
bool needsSandbox(const CasePod& pod);

// The addresses of everything that a case can name. All are distinct, and no prefix that covers
// only pod addresses contains one of the three others.
struct Setting {
  std::map<base::ObjectKey, DualAddress> pods;             // every pod that needsSandbox()
  std::map<base::ObjectKey, base::IfName> hostInterfaces;  // of the same pods
  DualAddress ownNode;
  DualAddress otherNode;
  DualAddress offCluster;

  [[nodiscard]] const DualAddress& of(std::string_view place) const {
    return of(Place::parse(place));
  }
  [[nodiscard]] const DualAddress& of(const Place& place) const;
};

// One connection that is tried.
struct Probe {
  Place from;
  Place to;
  std::uint8_t protocol = 6;  // IANA; 1 (ICMP) means 58 in IPv6
  std::uint16_t port = 0;     // of TCP, UDP, SCTP: one of kProbePorts
  bool allowed = true;
  std::optional<base::Family> only;  // nullopt: the same in both families
};
inline constexpr std::uint16_t kProbePorts[] = {80, 81, 443, 8080, 8081, 5353};

std::vector<base::Family> familiesOf(const Probe& probe);
// Whether an end is no pod with a sandbox here, so that a packet runner has to realise or skip it.
bool leavesPods(const Probe& probe);
policy::Flow flowOf(const Probe& probe, const Setting& setting, base::Family family);
std::string toString(const Probe& probe);  // "x/a -> y/b TCP 80"

// At most 9 pods in 3 namespaces.
struct PolicyCase {
  std::string name;            // a sentence, unique
  std::vector<int> semantics;  // numbers of its items in docs/semantics.md
  std::vector<policy::Namespace> namespaces;
  std::vector<CasePod> pods;
  std::function<std::vector<policy::NetworkPolicy>(const Setting&)> policies;
  policy::PodToNode podToNode = policy::PodToNode::Allow;
  std::vector<Probe> probes;
};
// For the names of parameterised tests.
void PrintTo(const PolicyCase& policyCase, std::ostream* out);

const std::vector<PolicyCase>& policyCases();

// The snapshot of the node in `setting`: every pod with a sandbox is local.
policy::Snapshot snapshotOf(const PolicyCase& policyCase, const Setting& setting);

// A setting for runs without packets. The pods' addresses are consecutive from `first` on.
Setting settingOf(const PolicyCase& policyCase, const DualAddress& first);

}  // namespace kpol::test
