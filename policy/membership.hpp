// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/profile.hpp"
#include "policy/snapshot.hpp"

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace kpol::policy {

// A pod that has the pod network, with the addresses it owns.
struct Member {
  const Pod* pod = nullptr;
  std::vector<base::IpAddress> ips;  // sorted, unique; may be empty
};

// An address and port to which a named port resolves on one pod.
struct NamedAddress {
  base::IpAddress ip;
  base::Protocol protocol = base::Protocol::Tcp;
  std::uint16_t port = 0;
  auto operator<=>(const NamedAddress&) const = default;
};

// Resolves the peers of policies to the pods and addresses of one snapshot, which must outlive it.
class Membership {
 public:
  explicit Membership(const Snapshot& snapshot);

  // Null if the pod is unknown or has no pod network.
  [[nodiscard]] const Member* find(const base::ObjectKey& pod) const;
  [[nodiscard]] std::vector<const Member*> membersOf(const PeerSelector& selector) const;
  // Sorted, unique.
  [[nodiscard]] std::vector<base::IpAddress> addressesOf(const PeerSelector& selector) const;
  // Sorted, unique: the addresses and the port of every pod that the peers admit and that declares
  // the port.
  [[nodiscard]] std::vector<NamedAddress> resolve(const NamedPortPeers& port) const;

 private:
  using LocalAddresses = std::map<base::ObjectKey, std::vector<base::IpAddress>>;
  // Makes the member, a remote pod, the owner of its addresses that no other pod has before it.
  void claim(const Member& member, const LocalAddresses& local);
  [[nodiscard]] std::span<const Member> inNamespace(const std::string& ns) const;
  [[nodiscard]] bool matchesNamespace(const LabelSelector& selector, const std::string& ns) const;

  std::vector<Member> members_;                                   // sorted by pod key
  std::map<std::string, std::optional<Labels>> namespaceLabels_;  // nullopt: not known
  // The owner of each address. If several pods report it (podAt()), a local endpoint's pod comes
  // first, then as claimsBefore(). A pod whose sandbox is gone still reports its old address, which
  // may already belong to another pod.
  std::unordered_map<base::IpAddress, const Pod*> owners_;
};

}  // namespace kpol::policy
