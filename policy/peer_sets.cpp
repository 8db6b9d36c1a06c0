// SPDX-License-Identifier: Apache-2.0
#include "policy/peer_sets.hpp"

#include "policy/address_ranges.hpp"
#include "policy/selector.hpp"

#include <algorithm>

namespace kpol::policy {
namespace {

// NFTNL_UDATA_COMMENT_MAXLEN (128) without the terminating zero.
constexpr std::size_t kCommentBytes = 127;

char digit(base::Family family) {
  return family == base::Family::V4 ? '4' : '6';
}

void add(Identity& identity, const LabelSelector& selector) {
  identity.add(selector.matchLabels.entries().size());
  for (const auto& [key, value] : selector.matchLabels.entries()) identity.add(key).add(value);
  identity.add(selector.matchExpressions.size());
  for (const auto& requirement : selector.matchExpressions) {
    identity.add(requirement.key).add(static_cast<std::uint64_t>(requirement.op));
    identity.add(requirement.values.size());
    for (const auto& value : requirement.values) identity.add(value);
  }
}

void add(Identity& identity, const PeerSelector& selector) {
  identity.add(selector.namespaceSelector ? 1 : 0);
  if (selector.namespaceSelector) add(identity, *selector.namespaceSelector);
  identity.add(selector.ns);
  add(identity, selector.podSelector);
}

void merge(Origins& to, const Origins& from) {
  to.insert(from.begin(), from.end());
}

bool isWholeFamily(const std::vector<AddressRange>& ranges) {
  return ranges.size() == 1 && !ranges.front().first.previous() && !ranges.front().last.next();
}

}  // namespace

bool holdsPods(const std::string& set) {
  for (const char* kind : {"sel4-", "sel6-", "uni4-", "uni6-"})
    if (set.starts_with(kind)) return true;
  return set.ends_with("-named4") || set.ends_with("-named6");
}

std::uint32_t capacityFor(std::size_t count) {
  std::uint32_t capacity = 128;
  while (count > capacity / 4 * 3) capacity *= 16;
  return capacity;
}

nft::DataType addressType(base::Family family) {
  return family == base::Family::V4 ? nft::DataType::Ipv4Addr : nft::DataType::Ipv6Addr;
}

std::string commentOf(const Origins& origins) {
  std::string text;
  std::size_t left = origins.size();
  for (const auto& policy : origins) {
    const auto next = (text.empty() ? "" : ", ") + toString(policy);
    if (!text.empty() && text.size() + next.size() > kCommentBytes - 12) break;
    text += next;
    --left;
  }
  if (left > 0) text += " +" + std::to_string(left);
  return cut(std::move(text), kCommentBytes);
}

PeerSets::PeerSets(const Inputs& inputs, nft::Ruleset& ruleset, Names& names)
    : source_(inputs.source),
      families_(inputs.families),
      tunnels_(inputs.tunnels),
      ruleset_(ruleset),
      names_(names) {}

std::vector<base::Family> PeerSets::families() const {
  std::vector<base::Family> result;
  if (families_.v4) result.push_back(base::Family::V4);
  if (families_.v6) result.push_back(base::Family::V6);
  return result;
}

void PeerSets::addExact(std::string_view prefix, Exact wanted, std::vector<PeerLookup>& out) {
  for (const auto family : families()) {
    const auto name = names_.name(std::string(prefix) + digit(family), wanted.identity);
    out.push_back({family, name, wanted.origins});
    if (ruleset_.sets.contains(name)) continue;
    nft::Set set;
    set.name = name;
    set.key = {addressType(family)};
    set.comment = cut(wanted.comment, kCommentBytes);
    source_.fill(set, family, wanted.peers);
    ruleset_.add(std::move(set));
  }
}

void PeerSets::addSelectors(const PeerSet& peers, std::vector<PeerLookup>& out) {
  if (peers.selectors.size() <= kUnionThreshold) {
    for (const auto& [selector, origins] : peers.selectors) {
      Identity identity;
      add(identity, selector);
      addExact("sel", {identity, toString(selector), origins, {selector}}, out);
    }
    return;
  }
  Exact all;
  all.comment = "union of " + std::to_string(peers.selectors.size()) + " selectors";
  for (const auto& [selector, origins] : peers.selectors) {
    add(all.identity, selector);
    merge(all.origins, origins);
    all.peers.push_back(selector);
  }
  addExact("uni", std::move(all), out);
}

// Adds the tunnels of the nodes whose addresses are within `ranges`, which are disjoint: each
// tunnel costs one lookup, however many blocks contain its node.
void PeerSets::addTunnels(std::vector<AddressRange>& ranges) const {
  std::vector<AddressRange> added;
  for (const auto& range : ranges) {
    auto known = std::lower_bound(tunnels_.begin(), tunnels_.end(), range.first,
                                  [](const NodeTunnel& tunnel, const base::IpAddress& address) {
                                    return tunnel.node < address;
                                  });
    for (; known != tunnels_.end() && known->node <= range.last; ++known)
      if (!within(ranges, known->tunnel)) added.push_back({known->tunnel, known->tunnel});
  }
  if (added.empty()) return;
  ranges.insert(ranges.end(), added.begin(), added.end());
  ranges = unite(std::move(ranges));
}

void PeerSets::addBlocks(const PeerSet& peers, std::vector<PeerLookup>& out) {
  sawBlocks_ = sawBlocks_ || !peers.blocks.empty();
  for (const auto family : families()) {
    std::vector<AddressRange> ranges;
    Origins origins;
    for (const auto& [block, from] : peers.blocks) {
      if (block.cidr.family() != family) continue;
      merge(origins, from);
      for (const auto& range : rangesOf(block)) ranges.push_back(range);
    }
    ranges = unite(std::move(ranges));
    addTunnels(ranges);
    if (ranges.empty()) continue;
    if (isWholeFamily(ranges)) {
      out.push_back({family, "", std::move(origins)});
      continue;
    }
    // Named after its content, so changed blocks create a new set: the kernel is slow at changing
    // the elements of an interval set.
    Identity identity;
    nft::Set set;
    for (const auto& range : ranges) {
      identity.add(toString(range.first)).add(toString(range.last));
      set.elements.push_back(nft::range(nft::Key::of(range.first), nft::Key::of(range.last)));
    }
    set.name = names_.name(std::string("cidr") + digit(family), identity);
    set.key = {addressType(family)};
    set.interval = true;
    out.push_back({family, set.name, std::move(origins)});
    if (!ruleset_.sets.contains(set.name)) ruleset_.add(std::move(set));
  }
}

std::vector<PeerLookup> PeerSets::lookups(const PeerSet& peers) {
  std::vector<PeerLookup> result;
  addSelectors(peers, result);
  addBlocks(peers, result);
  std::stable_sort(result.begin(), result.end(),
                   [](const auto& a, const auto& b) { return a.family < b.family; });
  return result;
}

std::vector<PeerLookup> PeerSets::lookups(const std::vector<NamedPortPeers>& ports,
                                          const std::string& chain) {
  std::vector<PeerLookup> result;
  if (ports.empty()) return result;
  Origins origins;
  for (const auto& port : ports) {
    if (port.peers.any) merge(origins, *port.peers.any);
    for (const auto& [selector, from] : port.peers.selectors) merge(origins, from);
    for (const auto& [block, from] : port.peers.blocks) merge(origins, from);
  }
  for (const auto family : families()) {
    nft::Set set;
    set.name = chain + "-named" + digit(family);
    set.key = {addressType(family), nft::DataType::InetProto, nft::DataType::InetService};
    source_.fill(set, family, ports);
    result.push_back({family, set.name, origins});
    ruleset_.add(std::move(set));
  }
  return result;
}

}  // namespace kpol::policy
