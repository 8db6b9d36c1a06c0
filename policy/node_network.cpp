// SPDX-License-Identifier: Apache-2.0
#include "policy/node_network.hpp"

#include "policy/address_ranges.hpp"
#include "policy/peer_sets.hpp"

#include <algorithm>
#include <array>

namespace kpol::policy {
namespace {

using base::Family;
using nft::Field;
using nft::Match;
using nft::Rule;
using Hook = nft::BaseChain::Hook;

// Before kube-proxy's chain (srcnat, 100), because the first chain that translates a flow is the
// last one to be evaluated.
constexpr std::int32_t kMasqueradePriority = 90;
constexpr std::int32_t kGuardPriority = -6;

constexpr const char* kCounter = "vxlan-guard";
constexpr const char* kUntranslatedCounter = "untranslated";

struct NodeSetNames {
  Family family;
  Field source;
  Field destination;
  const char* notMasqueraded;
  const char* nodes;
};
constexpr NodeSetNames kFamilies[] = {
    {Family::V4, Field::IpSaddr, Field::IpDaddr, "not-masqueraded4", "nodes4"},
    {Family::V6, Field::Ip6Saddr, Field::Ip6Daddr, "not-masqueraded6", "nodes6"}};

const NodeSetNames& namesOf(const base::Prefix& prefix) {
  return kFamilies[prefix.family() == Family::V4 ? 0 : 1];
}

const nft::Verdict kPassGuard{nft::Verdict::Kind::Accept, {}};
const nft::Verdict kDropForged{nft::Verdict::Kind::Drop, {}};

std::vector<Match> toPort(std::uint16_t port) {
  return {Match{{Field::L4Proto}, false, nft::Exact{nft::Key::of(base::Protocol::Udp)}},
          Match{{Field::ThDport}, false, nft::Exact{nft::Key::of(port)}}};
}

Match isIn(Field field, const base::Prefix& prefix) {
  return {
      {field},
      false,
      nft::Wildcard{nft::Key::of(prefix.address()), static_cast<std::uint16_t>(prefix.length())}};
}

Match hasState(std::uint32_t states) {
  return {{Field::CtState}, false, nft::AnyBit{states}};
}

// Packets from pods to destinations for which they get the node's address.
std::vector<nft::Statement> toOutside(const base::Prefix& pods) {
  const auto& names = namesOf(pods);
  return {isIn(names.source, pods),
          Match{{names.destination}, true, nft::InSet{names.notMasqueraded}}};
}

// Multicast and broadcast, and addresses that no router forwards. IPv4 link-local is not included,
// because cloud services at such addresses know only the nodes' addresses.
std::vector<AddressRange> alwaysKept() {
  std::vector<AddressRange> ranges;
  for (const char* text : {"224.0.0.0/4", "255.255.255.255/32", "fe80::/10", "ff00::/8"}) {
    const auto prefix = *base::Prefix::parse(text);
    ranges.push_back({prefix.first(), prefix.last()});
  }
  return ranges;
}

void addNotMasqueraded(const NodeNetwork& network, nft::Ruleset& ruleset) {
  auto ranges = alwaysKept();
  for (const auto& prefix : network.notMasqueraded)
    ranges.push_back({prefix.first(), prefix.last()});
  ranges = unite(std::move(ranges));
  for (const auto& names : kFamilies) {
    nft::Set set;
    set.name = names.notMasqueraded;
    set.key = {addressType(names.family)};
    set.interval = true;
    for (const auto& range : ranges)
      if (range.first.family() == names.family)
        set.elements.push_back(nft::range(nft::Key::of(range.first), nft::Key::of(range.last)));
    ruleset.add(std::move(set));
  }
}

void addNodes(const NodeNetwork& network, nft::Ruleset& ruleset) {
  ruleset.counters.insert(kCounter);
  for (const auto& names : kFamilies) {
    nft::Set set;
    set.name = names.nodes;
    set.key = {addressType(names.family)};
    for (const auto& address : network.nodes)
      if (address.family() == names.family)
        set.elements.push_back(nft::element(nft::Key::of(address)));
    std::sort(set.elements.begin(), set.elements.end());
    set.size = capacityFor(set.elements.size());
    ruleset.add(std::move(set));
  }
}

// Drops packets to the VXLAN port that match `match`.
Rule guard(const NodeNetwork& network, Match match, const char* comment) {
  Rule rule{{}, comment};
  for (auto& one : toPort(network.vxlanPort)) rule.statements.emplace_back(std::move(one));
  rule.statements.emplace_back(std::move(match));
  rule.statements.emplace_back(nft::CounterReference{kCounter});
  rule.statements.emplace_back(kDropForged);
  return rule;
}

// A source port that no VXLAN device has.
Match foreignPort(const base::PortRange& ports) {
  return {{Field::ThSport},
          true,
          nft::Between{nft::Key::of(ports.first()), nft::Key::of(ports.last())}};
}

void addGuard(const NodeNetwork& network, nft::Ruleset& ruleset) {
  nft::Chain chain{"vxlan",
                   nft::BaseChain{nft::BaseChain::Type::Filter, Hook::Input, kGuardPriority,
                                  nft::Verdict::Kind::Accept},
                   {}};
  for (const auto& names : kFamilies)
    chain.rules.push_back(guard(network, Match{{names.source}, true, nft::InSet{names.nodes}},
                                "only nodes send encapsulated packets"));
  if (network.vxlanSourcePorts)
    chain.rules.push_back(guard(network, foreignPort(*network.vxlanSourcePorts),
                                "only VXLAN devices send encapsulated packets"));
  ruleset.add(std::move(chain));
}

void addSourcePortGuard(const NodeNetwork& network, nft::Ruleset& ruleset) {
  ruleset.add(nft::Chain{"vxlan-out",
                         nft::BaseChain{nft::BaseChain::Type::Filter, Hook::Output, kGuardPriority,
                                        nft::Verdict::Kind::Accept},
                         {guard(network, foreignPort(*network.vxlanSourcePorts),
                                "only the VXLAN device encapsulates packets")}});
}

void addForwardGuard(const NodeNetwork& network, nft::Ruleset& ruleset) {
  nft::Chain chain{"forward-guard",
                   nft::BaseChain{nft::BaseChain::Type::Filter, Hook::Forward, kGuardPriority,
                                  nft::Verdict::Kind::Accept},
                   {}};
  chain.rules.push_back(
      {{hasState(nft::ct_state::kEstablished | nft::ct_state::kRelated), kPassGuard}, {}});
  if (network.vxlanPort != 0)
    for (const auto& names : kFamilies)
      chain.rules.push_back(guard(network,
                                  Match{{names.destination}, false, nft::InSet{names.nodes}},
                                  "encapsulated packets are not forwarded"));
  if (!network.masqueraded.empty()) ruleset.counters.insert(kUntranslatedCounter);
  for (const auto& prefix : network.masqueraded) {
    Rule rule{{hasState(nft::ct_state::kInvalid)}, "would leave with the pod's address"};
    for (auto& statement : toOutside(prefix)) rule.statements.push_back(std::move(statement));
    rule.statements.emplace_back(nft::CounterReference{kUntranslatedCounter});
    rule.statements.emplace_back(kDropForged);
    chain.rules.push_back(std::move(rule));
  }
  ruleset.add(std::move(chain));
}

void addMasquerade(const NodeNetwork& network, nft::Ruleset& ruleset) {
  nft::Chain chain{"pod-masquerade",
                   nft::BaseChain{nft::BaseChain::Type::Nat, Hook::Postrouting, kMasqueradePriority,
                                  nft::Verdict::Kind::Accept},
                   {}};
  for (const auto& prefix : network.masqueraded) {
    Rule rule{toOutside(prefix), "pods to outside the cluster"};
    const auto source =
        std::ranges::find(network.sources, prefix.family(), &base::IpAddress::family);
    if (source != network.sources.end())
      rule.statements.emplace_back(nft::SourceNat{*source});
    else
      rule.statements.emplace_back(nft::Masquerade{});
    chain.rules.push_back(std::move(rule));
  }
  ruleset.add(std::move(chain));
}

}  // namespace

void addNodeNetwork(const NodeNetwork& network, nft::Ruleset& ruleset) {
  const bool hasVxlan = network.vxlanPort != 0;
  if (!hasVxlan && network.masqueraded.empty()) return;
  if (hasVxlan) {
    addNodes(network, ruleset);
    addGuard(network, ruleset);
    if (network.vxlanSourcePorts) addSourcePortGuard(network, ruleset);
  }
  if (!network.masqueraded.empty()) {
    addNotMasqueraded(network, ruleset);
    addMasquerade(network, ruleset);
  }
  addForwardGuard(network, ruleset);
}

}  // namespace kpol::policy
