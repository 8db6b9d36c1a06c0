// SPDX-License-Identifier: Apache-2.0
#include "policy/chains.hpp"

namespace kpol::policy {
namespace {

using nft::Field;
using nft::Match;
using nft::Rule;
using nft::Verdict;
using Hook = nft::BaseChain::Hook;

// Before the usual filter priority, so that what a pod may not send never meets other tables.
constexpr std::int32_t kPriority = -5;

// Fields and sets of one family.
struct FamilyNames {
  Field source;
  Field destination;
  const char* endpoints;
  const char* ingress;
  const char* egress;
};
constexpr FamilyNames kV4{Field::IpSaddr, Field::IpDaddr, names::kEndpoints4, names::kIngress4,
                          names::kEgress4};
constexpr FamilyNames kV6{Field::Ip6Saddr, Field::Ip6Daddr, names::kEndpoints6, names::kIngress6,
                          names::kEgress6};

const Verdict kAccept{Verdict::Kind::Accept, {}};
const Verdict kDrop{Verdict::Kind::Drop, {}};

Verdict go(const char* chain) {
  return {Verdict::Kind::Goto, chain};
}

// The host ends of pods' veth pairs all begin with "kpol".
Match podInterface(Field field) {
  static constexpr std::array<std::uint8_t, 16> kPrefix{'k', 'p', 'o', 'l'};
  return {{field}, false, nft::Wildcard{nft::Key(kPrefix), 32}};
}

Rule establishedRule() {
  return {{Match{{Field::CtState},
                 false,
                 nft::AnyBit{nft::ct_state::kEstablished | nft::ct_state::kRelated}},
           kAccept},
          {}};
}

Rule revokedRule() {
  return {{Match{{Field::CtLabel}, false, nft::LabelBit{kRevokedLabelBit}},
           nft::CounterReference{names::kRevokedCounter}, kDrop},
          "forbidden by a later policy"};
}

// Drops what has an interface and an address that were not committed together: a pod that is not
// programmed yet, or one that lies about its address.
Rule endpointRule(Field interface, Field address, const char* endpoints) {
  const bool source = interface == Field::IifName;
  return {{Match{{interface, address}, true, nft::InSet{endpoints}},
           nft::CounterReference{names::kUnknownCounter}, kDrop},
          source ? "unknown or spoofing pod" : "pod not programmed"};
}
Rule unknownSource(const FamilyNames& family) {
  return endpointRule(Field::IifName, family.source, family.endpoints);
}
Rule unknownDestination(const FamilyNames& family) {
  return endpointRule(Field::OifName, family.destination, family.endpoints);
}

// `rule` for packets of pod interfaces only.
Rule onPodInterface(Field interface, Rule rule) {
  rule.statements.insert(rule.statements.begin(), podInterface(interface));
  return rule;
}

Rule dispatch(Field field, const char* map) {
  return {{nft::VerdictMapLookup{{field}, map}}, {}};
}

// ICMPv6 133..137: router and neighbour discovery, which a link needs to work at all (RFC 4890).
Rule neighbourDiscoveryRule() {
  return {{Match{{Field::Icmpv6Type},
                 false,
                 nft::Between{nft::Key::of(std::uint8_t{133}), nft::Key::of(std::uint8_t{137})}},
           kAccept},
          "neighbour discovery"};
}

// The host's end of a pod with host ports lets loopback addresses through (route_localnet), so that
// the answers to the node's own flows from 127.0.0.1 come home. No pod begins a flow to one.
Rule loopbackGuard() {
  static constexpr std::array<std::uint8_t, 4> kLoopback{127, 0, 0, 0};
  return {{Match{{Field::IpDaddr}, false, nft::Wildcard{nft::Key(kLoopback), 8}},
           Match{{Field::CtState},
                 false,
                 nft::AnyBit{nft::ct_state::kNew | nft::ct_state::kInvalid |
                             nft::ct_state::kUntracked}},
           nft::CounterReference{names::kUnknownCounter}, kDrop},
          "loopback addresses are the node's own"};
}

Rule familyRule(std::uint8_t nfproto, const char* chain) {
  return {{Match{{Field::NfProto}, false, nft::Exact{nft::Key::of(nfproto)}}, go(chain)}, {}};
}

nft::Chain forwardFamily(const char* name, const FamilyNames& family) {
  return {name,
          {},
          {onPodInterface(Field::IifName, unknownSource(family)),
           onPodInterface(Field::OifName, unknownDestination(family)),
           dispatch(family.source, family.egress), dispatch(family.destination, family.ingress)}};
}

nft::Chain hookChain(const char* name, Hook hook, std::vector<Rule> rules) {
  return {name,
          nft::BaseChain{nft::BaseChain::Type::Filter, hook, kPriority, Verdict::Kind::Accept},
          std::move(rules)};
}

// Pod to its own node: an unknown pod is silent here too. Policies are asked only where the node is
// told so.
nft::Chain fromPodChain(PodToNode podToNode) {
  nft::Chain chain{
      "from-pod",
      {},
      {neighbourDiscoveryRule(), unknownSource(kV4), unknownSource(kV6), loopbackGuard()}};
  if (podToNode == PodToNode::Policy) {
    chain.rules.push_back(revokedRule());
    chain.rules.push_back(establishedRule());
    chain.rules.push_back(dispatch(kV4.source, kV4.egress));
    chain.rules.push_back(dispatch(kV6.source, kV6.egress));
  }
  return chain;
}

}  // namespace

void addBaseChains(PodToNode podToNode, nft::Ruleset& ruleset) {
  ruleset.counters.insert({names::kUnknownCounter, names::kRevokedCounter});
  ruleset.add(hookChain(
      "forward", Hook::Forward,
      {revokedRule(), establishedRule(), familyRule(2, "forward4"), familyRule(10, "forward6")}));
  ruleset.add(forwardFamily("forward4", kV4));
  ruleset.add(forwardFamily("forward6", kV6));
  ruleset.add(
      hookChain("input", Hook::Input, {{{podInterface(Field::IifName), go("from-pod")}, {}}}));
  ruleset.add(
      hookChain("output", Hook::Output, {{{podInterface(Field::OifName), go("to-pod")}, {}}}));
  ruleset.add(fromPodChain(podToNode));
  ruleset.add(nft::Chain{
      "to-pod", {}, {neighbourDiscoveryRule(), unknownDestination(kV4), unknownDestination(kV6)}});
  ruleset.add(
      nft::Chain{names::kToIngress,
                 {},
                 {dispatch(kV4.destination, kV4.ingress), dispatch(kV6.destination, kV6.ingress)}});
  // Never reached: conntrack keeps room for labels only while some rule sets one
  // (net/netfilter/nft_ct.c, nf_connlabels_get).
  ruleset.add(nft::Chain{"label-room", {}, {{{nft::SetCtLabel{kRevokedLabelBit}}, {}}}});
}

}  // namespace kpol::policy
