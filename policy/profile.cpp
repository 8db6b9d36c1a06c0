// SPDX-License-Identifier: Apache-2.0
#include "policy/profile.hpp"

#include "policy/selector.hpp"

#include <algorithm>
#include <array>

namespace kpol::policy {
namespace {

constexpr std::array kProtocols{base::Protocol::Tcp, base::Protocol::Udp, base::Protocol::Sctp};

template <class Map>
bool sameKeys(const Map& a, const Map& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& x, const auto& y) { return x.first == y.first; });
}

template <class Map>
void addAll(Map& to, const Map& from) {
  for (const auto& [key, origins] : from) to[key].insert(origins.begin(), origins.end());
}

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

// Adds one entry of a rule's `ports` to `profile`.
void addPort(Profile& profile, const ProfileKey& key, const PolicyPort& port,
             const PeerSet& peers) {
  if (!port.protocol) return;  // not supported: matches nothing, pods stay isolated
  if (const auto* range = std::get_if<base::PortRange>(&port.port)) {
    profile.ports.push_back({*port.protocol, range->first(), range->last(), peers});
  } else if (const auto* name = std::get_if<std::string>(&port.port)) {
    if (name->empty()) return;  // does not mean ports without a name
    if (key.direction == Direction::Egress) {
      profile.named.push_back({*port.protocol, *name, peers});
      return;
    }
    const auto numbers = key.namedPorts.find({*name, *port.protocol});
    if (numbers == key.namedPorts.end()) return;
    for (const auto number : numbers->second)
      profile.ports.push_back({*port.protocol, number, number, peers});
  } else {
    profile.ports.push_back({*port.protocol, 0, 65535, peers});
  }
}

// Adds the named ports of `pod` that ingress rules of `policy` use.
void collectNamedPorts(const Pod& pod, const NetworkPolicy& policy, NamedPorts& found) {
  for (const auto& rule : policy.ingress) {
    for (const auto& port : rule.ports) {
      const auto* name = std::get_if<std::string>(&port.port);
      if (name == nullptr || !port.protocol) continue;
      for (const auto& declared : pod.ports)
        if (declared.name == *name && declared.protocol == *port.protocol)
          found[{*name, *port.protocol}].insert(declared.port);
    }
  }
}

// Appends `next`, which starts after the last range, or joins the two if they are alike.
void append(std::vector<PortPeers>& ranges, PortPeers next) {
  if (!ranges.empty()) {
    auto& last = ranges.back();
    if (last.protocol == next.protocol && last.last + 1 == next.first && last.peers == next.peers) {
      last.last = next.last;
      return;
    }
  }
  ranges.push_back(std::move(next));
}

// The ports at which the set of matching rules may change: the starts of the elementary ranges.
std::set<std::uint32_t> boundaries(const std::vector<const PortPeers*>& ports) {
  std::set<std::uint32_t> starts;
  for (const auto* port : ports) {
    starts.insert(port->first);
    starts.insert(port->last + 1U);
  }
  return starts;
}

void appendProtocol(const Profile& profile, base::Protocol protocol, std::vector<PortPeers>& out) {
  std::vector<const PortPeers*> ports;
  for (const auto& port : profile.ports)
    if (port.protocol == protocol) ports.push_back(&port);
  const auto starts = boundaries(ports);
  for (auto start = starts.begin(); start != starts.end() && std::next(start) != starts.end();
       ++start) {
    const auto first = static_cast<std::uint16_t>(*start);
    const auto last = static_cast<std::uint16_t>(*std::next(start) - 1);
    PortPeers range{protocol, first, last, profile.anyPort};
    for (const auto* port : ports)
      if (port->first <= first && last <= port->last) range.peers.add(port->peers);
    if (!range.peers.admitsSameAs(profile.anyPort)) append(out, std::move(range));
  }
}

}  // namespace

std::string toString(const PeerSelector& selector) {
  const auto where =
      selector.namespaceSelector ? "{" + toString(*selector.namespaceSelector) + "}" : selector.ns;
  return where + ": " + toString(selector.podSelector);
}

void PeerSet::add(const PeerSet& other) {
  if (other.any) {
    if (!any) any.emplace();
    any->insert(other.any->begin(), other.any->end());
  }
  if (any) {
    selectors.clear();
    blocks.clear();
    return;
  }
  addAll(selectors, other.selectors);
  addAll(blocks, other.blocks);
}

bool PeerSet::admitsSameAs(const PeerSet& other) const {
  return any.has_value() == other.any.has_value() && sameKeys(selectors, other.selectors) &&
         sameKeys(blocks, other.blocks);
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

Profile makeProfile(const ProfileKey& key) {
  Profile profile;
  for (const auto* policy : key.policies) {
    for (const auto& rule : policy->rules(key.direction)) {
      const auto peers = peersOf(*policy, rule);
      if (rule.ports.empty()) profile.anyPort.add(peers);
      for (const auto& port : rule.ports) addPort(profile, key, port, peers);
    }
  }
  return profile;
}

std::vector<PortPeers> disjointPorts(const Profile& profile) {
  std::vector<PortPeers> result;
  for (const auto protocol : kProtocols) appendProtocol(profile, protocol, result);
  return result;
}

}  // namespace kpol::policy
