// SPDX-License-Identifier: Apache-2.0
#include "policy/profile.hpp"

#include "base/sorted_unique.hpp"
#include "policy/allowance.hpp"
#include "policy/named_ports.hpp"
#include "policy/selector.hpp"

#include <algorithm>

namespace kpol::policy {
namespace {

PeerSet peersOf(const NetworkPolicy& policy, const PolicyRule& rule) {
  const Origins origin{policy.key};
  PeerSet result;
  if (rule.peers.empty()) {
    result.any = origin;
    return result;
  }
  for (const auto& peer : rule.peers) {
    const bool selects = peer.podSelector || peer.namespaceSelector;
    // The API rejects a peer without fields and one with both a block and a selector. If there is
    // one anyway, it matches nothing.
    if (peer.ipBlock.has_value() == selects) continue;
    if (peer.ipBlock) {
      result.blocks.emplace(*peer.ipBlock, origin);
    } else {
      PeerSelector selector;
      if (peer.namespaceSelector)
        selector.namespaceSelector = canonical(*peer.namespaceSelector);
      else
        selector.ns = policy.key.ns;
      if (peer.podSelector) selector.podSelector = canonical(*peer.podSelector);
      result.selectors.emplace(std::move(selector), origin);
    }
  }
  return result;
}

// Adds up the rules of a profile. Each add() returns false if the profile is too large.
class ProfileBuilder {
 public:
  explicit ProfileBuilder(const ProfileKey& key) : key_(key) {}

  bool add(const NetworkPolicy& policy, const PolicyRule& rule) {
    const auto peers = peersOf(policy, rule);
    const auto entries = entriesOf(peers);
    if (rule.ports.empty()) {
      profile_.anyPort.add(peers);
      return allowance_.take(entries);
    }
    place_.reset();
    auto ports = rule.ports;
    base::sortUnique(ports);  // a repeated port must not cost again
    return std::all_of(ports.begin(), ports.end(),
                       [&](const auto& port) { return addPort(port, peers, entries); });
  }

  Profile take() {
    for (auto& [named, peers] : named_)
      profile_.named.push_back({named.second, named.first, std::move(peers)});
    profile_.peers.resize(places_.size());
    while (!places_.empty()) {
      auto node = places_.extract(places_.begin());
      profile_.peers[node.mapped()] = std::move(node.key());
    }
    return std::move(profile_);
  }

 private:
  bool addPort(const PolicyPort& port, const PeerSet& peers, std::size_t entries) {
    if (!port.protocol) return true;  // not supported: matches nothing, pods stay isolated
    if (const auto* range = std::get_if<base::PortRange>(&port.port))
      return addRange(*port.protocol, range->first(), range->last(), peers, entries);
    if (const auto* name = std::get_if<std::string>(&port.port))
      return addNamed(*port.protocol, *name, peers, entries);
    return addRange(*port.protocol, 0, 65535, peers, entries);
  }

  bool addNamed(base::Protocol protocol, const std::string& name, const PeerSet& peers,
                std::size_t entries) {
    if (name.empty()) return true;  // does not mean ports without a name
    if (key_.direction == Direction::Egress) {
      if (!allowance_.take(entries)) return false;
      named_[{name, protocol}].add(peers);
      return true;
    }
    const auto numbers = key_.namedPorts.find({name, protocol});
    return numbers == key_.namedPorts.end() ||
           std::all_of(numbers->second.begin(), numbers->second.end(), [&](auto number) {
             return addRange(protocol, number, number, peers, entries);
           });
  }

  bool addRange(base::Protocol protocol, std::uint16_t first, std::uint16_t last,
                const PeerSet& peers, std::size_t entries) {
    if (!place_) {
      const auto [place, isNew] = places_.try_emplace(peers, places_.size());
      if (isNew && !allowance_.take(entries)) return false;
      place_ = place->second;
    }
    profile_.ports.push_back({protocol, first, last, *place_});
    return allowance_.take(1);
  }

  const ProfileKey& key_;
  Allowance allowance_{kMostProfileEntries};
  Profile profile_;
  std::map<PeerSet, std::size_t> places_;  // in profile_.peers
  std::optional<std::size_t> place_;       // of the peers of the current rule
  std::map<std::pair<std::string, base::Protocol>, PeerSet> named_;
};

// Adds the named ports of `pod` that ingress rules of `policy` use.
void collectNamedPorts(const Pod& pod, const NetworkPolicy& policy, NamedPorts& found) {
  for (const auto& rule : policy.ingress) {
    for (const auto& port : rule.ports) {
      const auto* name = std::get_if<std::string>(&port.port);
      if (name == nullptr || !port.protocol || found.contains({*name, *port.protocol})) continue;
      for (const auto& declared : portsNamed(pod.ports, *name, *port.protocol))
        found[{*name, *port.protocol}].insert(declared.port);
    }
  }
}

std::size_t textBytes(const LabelSelector& selector) {
  std::size_t bytes = 0;
  for (const auto& [key, value] : selector.matchLabels.entries())
    bytes += key.size() + value.size();
  for (const auto& requirement : selector.matchExpressions) {
    bytes += requirement.key.size() + 32;
    for (const auto& value : requirement.values) bytes += value.size() + 32;
  }
  return bytes;
}

}  // namespace

std::string toString(const PeerSelector& selector) {
  const auto where =
      selector.namespaceSelector ? "{" + toString(*selector.namespaceSelector) + "}" : selector.ns;
  return where + ": " + toString(selector.podSelector);
}

bool ProfileKey::operator<(const ProfileKey& other) const {
  const auto byKey = [](const NetworkPolicy* a, const NetworkPolicy* b) { return a->key < b->key; };
  if (direction != other.direction) return direction < other.direction;
  if (std::lexicographical_compare(policies.begin(), policies.end(), other.policies.begin(),
                                   other.policies.end(), byKey))
    return true;
  if (std::lexicographical_compare(other.policies.begin(), other.policies.end(), policies.begin(),
                                   policies.end(), byKey))
    return false;
  return namedPorts < other.namedPorts;
}

std::optional<ProfileKey> profileKey(const Pod& pod,
                                     const std::vector<const NetworkPolicy*>& policies,
                                     Direction direction) {
  ProfileKey key{direction, {}, {}};
  for (const auto* policy : policies) {
    if (!isolates(*policy, direction) || !matches(policy->podSelector, pod.labels)) continue;
    key.policies.push_back(policy);
    if (direction == Direction::Ingress) collectNamedPorts(pod, *policy, key.namedPorts);
  }
  if (key.policies.empty()) return std::nullopt;
  return key;
}

std::size_t entriesOf(const PeerSet& peers) {
  std::size_t entries = 1 + (peers.any ? peers.any->size() : 0);
  for (const auto& [selector, origins] : peers.selectors) {
    auto bytes = textBytes(selector.podSelector);
    if (selector.namespaceSelector) bytes += textBytes(*selector.namespaceSelector);
    entries += kSelectorEntries + bytes / 32 + origins.size();
  }
  for (const auto& [block, origins] : peers.blocks) entries += block.except.size() + origins.size();
  return entries;
}

std::optional<Profile> makeProfile(const ProfileKey& key) {
  ProfileBuilder builder(key);
  for (const auto* policy : key.policies)
    for (const auto& rule : policy->rules(key.direction))
      if (!builder.add(*policy, rule)) return std::nullopt;
  return builder.take();
}

}  // namespace kpol::policy
