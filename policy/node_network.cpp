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
// last one to be evaluated, and the guard must precede every translation.
constexpr std::int32_t kMasqueradePriority = 90;
constexpr std::int32_t kGuardPriority = -6;

constexpr const char* kCounter = "vxlan-guard";

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

Match fromPod() {
  static constexpr std::array<std::uint8_t, 16> kPodInterface{'k', 'p', 'o', 'l'};
  return {{Field::IifName}, false, nft::Wildcard{nft::Key(kPodInterface), 32}};
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

// Drops packets to the VXLAN port that match `address`, a test for the nodes' addresses.
Rule guard(const NodeNetwork& network, Match address, const char* comment) {
  Rule rule{{}, comment};
  for (auto& match : toPort(network.vxlanPort)) rule.statements.emplace_back(std::move(match));
  rule.statements.emplace_back(std::move(address));
  rule.statements.emplace_back(nft::CounterReference{kCounter});
  rule.statements.emplace_back(kDropForged);
  return rule;
}

void addGuard(const NodeNetwork& network, nft::Ruleset& ruleset) {
  nft::Chain chain{"vxlan",
                   nft::BaseChain{nft::BaseChain::Type::Filter, Hook::Input, kGuardPriority,
                                  nft::Verdict::Kind::Accept},
                   {}};
  for (const auto& names : kFamilies)
    chain.rules.push_back(guard(network, Match{{names.source}, true, nft::InSet{names.nodes}},
                                "only nodes send encapsulated packets"));
  ruleset.add(std::move(chain));
}

void addPostrouting(const NodeNetwork& network, nft::Ruleset& ruleset) {
  nft::Chain chain{"pod-masquerade",
                   nft::BaseChain{nft::BaseChain::Type::Nat, Hook::Postrouting, kMasqueradePriority,
                                  nft::Verdict::Kind::Accept},
                   {}};
  const auto guardFrom = [&](Match pods, const NodeSetNames& names) {
    auto rule = guard(network, Match{{names.destination}, false, nft::InSet{names.nodes}},
                      "pods send no encapsulated packets");
    rule.statements.insert(rule.statements.begin(), std::move(pods));
    chain.rules.push_back(std::move(rule));
  };
  if (network.vxlanPort != 0) {
    for (const auto& names : kFamilies) guardFrom(fromPod(), names);
    // Pods on interfaces of other plugins.
    for (const auto& prefix : network.masqueraded) {
      const auto& names = namesOf(prefix);
      guardFrom(isIn(names.source, prefix), names);
    }
  }
  for (const auto& prefix : network.masqueraded) {
    const auto& names = namesOf(prefix);
    chain.rules.push_back(
        {{isIn(names.source, prefix),
          Match{{names.destination}, true, nft::InSet{names.notMasqueraded}}, nft::Masquerade{}},
         "pods to outside the cluster"});
  }
  ruleset.add(std::move(chain));
}

}  // namespace

void addNodeNetwork(const NodeNetwork& network, nft::Ruleset& ruleset) {
  const bool hasVxlan = network.vxlanPort != 0;
  if (!hasVxlan && network.masqueraded.empty()) return;
  if (!network.masqueraded.empty()) addNotMasqueraded(network, ruleset);
  if (hasVxlan) {
    addNodes(network, ruleset);
    addGuard(network, ruleset);
  }
  addPostrouting(network, ruleset);
}

}  // namespace kpol::policy
