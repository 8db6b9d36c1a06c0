// SPDX-License-Identifier: Apache-2.0
#include "policy/chains.hpp"

#include <cstring>
#include <string_view>

namespace kpol::policy {
namespace {

using nft::Field;
using nft::Match;
using nft::Rule;
using Hook = nft::BaseChain::Hook;

// Before the usual filter priority, so that forbidden packets do not reach filters of other tables.
constexpr std::int32_t kPriority = -5;
// "raw": before conntrack finds the flow of a packet.
constexpr std::int32_t kBeforeConntrack = -300;

// Fields and sets of one family.
struct ChainNames {
  Field source;
  Field destination;
  const char* endpoints;
  const char* podAddresses;
  const char* from;
  const char* to;
  const char* ingress;
  const char* egress;
};
constexpr ChainNames kV4{Field::IpSaddr, Field::IpDaddr, names::kEndpoints4, names::kPodAddresses4,
                         names::kFrom4,  names::kTo4,    names::kIngress4,   names::kEgress4};
constexpr ChainNames kV6{Field::Ip6Saddr,       Field::Ip6Daddr, names::kEndpoints6,
                         names::kPodAddresses6, names::kFrom6,   names::kTo6,
                         names::kIngress6,      names::kEgress6};

const nft::Verdict kAccept{nft::Verdict::Kind::Accept, {}};
const nft::Verdict kDrop{nft::Verdict::Kind::Drop, {}};

nft::Verdict go(const char* chain) {
  return {nft::Verdict::Kind::Goto, chain};
}

// All host interfaces of pods have names with this prefix.
constexpr std::string_view kPodInterfacePrefix = "kpol";

Match podInterface(Field field) {
  const auto prefix = nft::Key::of(*base::IfName::parse(kPodInterfacePrefix));
  return {{field}, false, nft::Wildcard{prefix, 8 * kPodInterfacePrefix.size()}};
}

Rule stateRule(std::uint32_t states, nft::Verdict verdict) {
  return {{Match{{Field::CtState}, false, nft::AnyBit{states}}, std::move(verdict)}, {}};
}

Rule establishedRule() {
  return stateRule(nft::ct_state::kEstablished | nft::ct_state::kRelated, kAccept);
}

// A packet has exactly one state. The remaining ones are established and related
// (net/netfilter/nft_ct.c, nft_ct_get_eval).
constexpr std::uint32_t kNotEstablished =
    nft::ct_state::kNew | nft::ct_state::kInvalid | nft::ct_state::kUntracked;

Rule revokedRule() {
  return {{Match{{Field::CtLabel}, false, nft::LabelBit{kRevokedLabelBit}},
           nft::CounterReference{names::kRevokedCounter}, kDrop},
          "forbidden by a later policy"};
}

Rule unknownRule(Match match) {
  const bool source = match.left.front() == Field::IifName;
  return {{std::move(match), nft::CounterReference{names::kUnknownCounter}, kDrop},
          source ? "unknown or spoofing pod" : "pod not programmed"};
}
// Drops packets whose interface and address were not committed together: the pod is not programmed
// yet, or it spoofs its address.
Rule unknownSource(const ChainNames& family) {
  return unknownRule({{Field::IifName, family.source}, true, nft::InSet{family.endpoints}});
}
Rule unknownDestination(const ChainNames& family) {
  return unknownRule({{Field::OifName, family.destination}, true, nft::InSet{family.endpoints}});
}

Rule dispatch(std::vector<Field> key, const char* map) {
  return {{nft::VerdictMapLookup{std::move(key), map}}, {}};
}
Rule dispatchFrom(const ChainNames& family) {
  return dispatch({Field::IifName, family.source}, family.from);
}
Rule dispatchTo(const ChainNames& family) {
  return dispatch({Field::OifName, family.destination}, family.to);
}

// ICMPv6 133..137: router and neighbour discovery, without which a link does not work (RFC 4890).
Rule neighbourDiscoveryRule() {
  return {{Match{{Field::Icmpv6Type},
                 false,
                 nft::Between{nft::Key::of(std::uint8_t{133}), nft::Key::of(std::uint8_t{137})}},
           kAccept},
          "neighbour discovery"};
}

// ICMPv6 134 and 137, router advertisement and redirect: a pod is no router, and must not change
// the routes of its node.
Rule noRouterRule(std::uint8_t type) {
  return {{Match{{Field::Icmpv6Type}, false, nft::Exact{nft::Key::of(type)}},
           nft::CounterReference{names::kUnknownCounter}, kDrop},
          "pods are no routers"};
}

// A local pod's packets arrive from its own interface only.
Rule elsewhereRule(const ChainNames& family) {
  return {{Match{{family.source}, false, nft::InSet{family.podAddresses}},
           nft::CounterReference{names::kUnknownCounter}, kDrop},
          "address of a local pod"};
}

// Who may send what. Evaluated before conntrack: packets of established flows are accepted without
// any other check, so a forged source must not reach one.
void addSourceCheck(nft::Ruleset& ruleset) {
  static constexpr const char* kPodSource = "pod-source";
  ruleset.add(nft::Chain{"source",
                         nft::BaseChain{nft::BaseChain::Type::Filter, Hook::Prerouting,
                                        kBeforeConntrack, nft::Verdict::Kind::Accept},
                         {{{podInterface(Field::IifName), go(kPodSource)}, {}},
                          elsewhereRule(kV4),
                          elsewhereRule(kV6)}});
  ruleset.add(nft::Chain{kPodSource,
                         {},
                         {noRouterRule(134), noRouterRule(137), neighbourDiscoveryRule(),
                          unknownSource(kV4), unknownSource(kV6)}});
}

// The host interface of a pod with host ports accepts loopback addresses (route_localnet), so that
// replies to the node's own flows from 127.0.0.1 arrive. Pods must not open flows to them.
Rule loopbackGuard() {
  static constexpr std::array<std::uint8_t, 4> kLoopback{127, 0, 0, 0};
  return {{Match{{Field::IpDaddr}, false, nft::Wildcard{nft::Key(kLoopback), 8}},
           Match{{Field::CtState}, false, nft::AnyBit{kNotEstablished}},
           nft::CounterReference{names::kUnknownCounter}, kDrop},
          "loopback addresses are the node's own"};
}

// Handles new flows and packets that belong to no flow. The dispatch maps are also the endpoint
// check, because every local pod is in both: a packet with a pod interface but without an element
// is from an unknown or spoofing pod, or to a pod that is not programmed. Packets that the source
// may send return to this chain and are evaluated for the destination. Pods on interfaces of other
// plugins are looked up by address.
void addNewFlow(nft::Ruleset& ruleset) {
  static constexpr const char* kSource = "new-flow-source";
  ruleset.add(nft::Chain{names::kNewFlow,
                         {},
                         {{{nft::Verdict{nft::Verdict::Kind::Jump, kSource}}, {}},
                          dispatchTo(kV4),
                          dispatchTo(kV6),
                          unknownRule(podInterface(Field::OifName)),
                          dispatch({kV4.destination}, kV4.ingress),
                          dispatch({kV6.destination}, kV6.ingress)}});
  ruleset.add(
      nft::Chain{kSource,
                 {},
                 {dispatchFrom(kV4), dispatchFrom(kV6), unknownRule(podInterface(Field::IifName)),
                  dispatch({kV4.source}, kV4.egress), dispatch({kV6.source}, kV6.egress)}});
}

Match notFromThisNode() {
  const std::uint32_t local = nft::fib_type::kLocal;
  std::array<std::uint8_t, sizeof local> bytes;
  std::memcpy(bytes.data(), &local, bytes.size());
  return {{Field::FibSaddrType}, true, nft::Exact{nft::Key(bytes)}};
}

nft::Chain hookChain(const char* name, Hook hook, std::vector<Rule> rules) {
  return {name,
          nft::BaseChain{nft::BaseChain::Type::Filter, hook, kPriority, nft::Verdict::Kind::Accept},
          std::move(rules)};
}

// From a pod to its own node.
nft::Chain fromPodChain() {
  return {"from-pod", {}, {neighbourDiscoveryRule(), loopbackGuard()}};
}

// For PodToNode::Policy: applies egress policies to packets from pods to their node. Pods on
// interfaces of other plugins are looked up by address here as well.
void addEgressToNode(nft::Chain& input, nft::Chain& fromPod, nft::Ruleset& ruleset) {
  static constexpr const char* kFromAddress = "from-address";
  const auto judge = [](nft::Chain& chain, Rule v4, Rule v6) {
    for (const auto& rule : {revokedRule(), establishedRule(), std::move(v4), std::move(v6)})
      chain.rules.push_back(rule);
  };
  judge(fromPod, dispatchFrom(kV4), dispatchFrom(kV6));
  nft::Chain fromAddress{kFromAddress, {}, {neighbourDiscoveryRule()}};
  judge(fromAddress, dispatch({kV4.source}, kV4.egress), dispatch({kV6.source}, kV6.egress));
  input.rules.push_back({{go(kFromAddress)}, {}});
  ruleset.add(std::move(fromAddress));
}

// The node's own packets may go to every pod that is programmed. New flows with a source address
// that is not the node's are not its own but sent on for others (IPVS does it, and proxies with
// IP_TRANSPARENT), so they are evaluated like forwarded ones. There is no input interface, so the
// sender is looked up by address.
void addOutput(nft::Ruleset& ruleset) {
  static constexpr const char* kRelayed = "relayed";
  auto relayed = stateRule(kNotEstablished, go(kRelayed));
  relayed.statements.insert(relayed.statements.begin() + 1, notFromThisNode());
  ruleset.add(hookChain(
      "output", Hook::Output,
      {std::move(relayed), revokedRule(), {{podInterface(Field::OifName), go("to-pod")}, {}}}));
  ruleset.add(nft::Chain{kRelayed, {}, {neighbourDiscoveryRule(), {{go(names::kNewFlow)}, {}}}});
  ruleset.add(nft::Chain{
      "to-pod", {}, {neighbourDiscoveryRule(), unknownDestination(kV4), unknownDestination(kV6)}});
}

}  // namespace

void addBaseChains(PodToNode podToNode, nft::Ruleset& ruleset) {
  ruleset.counters.insert({names::kUnknownCounter, names::kRevokedCounter});
  ruleset.add(hookChain("forward", Hook::Forward,
                        {stateRule(kNotEstablished, go(names::kNewFlow)),
                         revokedRule(),
                         {{kAccept}, "established or related"}}));
  addNewFlow(ruleset);
  addSourceCheck(ruleset);
  auto input =
      hookChain("input", Hook::Input, {{{podInterface(Field::IifName), go("from-pod")}, {}}});
  auto fromPod = fromPodChain();
  if (podToNode == PodToNode::Policy) addEgressToNode(input, fromPod, ruleset);
  ruleset.add(std::move(input));
  ruleset.add(std::move(fromPod));
  addOutput(ruleset);
  // Never reached. Conntrack entries have space for labels only while a rule exists that sets one
  // (net/netfilter/nft_ct.c, nf_connlabels_get).
  ruleset.add(nft::Chain{"label-room", {}, {{{nft::SetCtLabel{kRevokedLabelBit}}, {}}}});
}

std::vector<nft::Set> localSets(base::Family family) {
  const bool v4 = family == base::Family::V4;
  const auto address = addressType(family);
  const auto make = [&](const char* name4, const char* name6, nft::Set::Kind kind,
                        nft::DataType first, bool concatenated) {
    nft::Set set;
    set.name = v4 ? name4 : name6;
    set.kind = kind;
    set.key = {first};
    if (concatenated) set.key.push_back(address);
    set.size = capacityFor(0);
    return set;
  };
  using enum nft::Set::Kind;
  const auto interface = nft::DataType::IfName;
  return {make(names::kEndpoints4, names::kEndpoints6, Set, interface, true),
          make(names::kPodAddresses4, names::kPodAddresses6, Set, address, false),
          make(names::kSelf4, names::kSelf6, Set, address, true),
          make(names::kFrom4, names::kFrom6, VerdictMap, interface, true),
          make(names::kTo4, names::kTo6, VerdictMap, interface, true),
          make(names::kIngress4, names::kIngress6, VerdictMap, address, false),
          make(names::kEgress4, names::kEgress6, VerdictMap, address, false)};
}

std::vector<LocalElement> localElements(const std::optional<base::IfName>& interface,
                                        const base::IpAddress& ip,
                                        const std::array<std::string, 2>& chains, bool owned) {
  const bool v4 = ip.isV4();
  const auto address = nft::Key::of(ip);
  const auto judge = [](const std::string& chain, nft::Verdict::Kind open) {
    return chain.empty() ? nft::Verdict{open, {}} : go(chain.c_str());
  };
  const auto& [ingress, egress] = chains;
  std::vector<LocalElement> result;
  const auto add = [&](const char* name4, const char* name6, nft::Element element) {
    result.push_back({v4 ? name4 : name6, std::move(element)});
  };
  const bool isOurs = interface && interface->text().starts_with(kPodInterfacePrefix);
  if (interface)
    add(names::kEndpoints4, names::kEndpoints6,
        nft::element(nft::Key::of(*interface).dot(address)));
  if (isOurs) {
    const auto both = nft::Key::of(*interface).dot(address);
    add(names::kPodAddresses4, names::kPodAddresses6, nft::element(address));
    add(names::kFrom4, names::kFrom6,
        nft::element(both, judge(egress, nft::Verdict::Kind::Return)));
    add(names::kTo4, names::kTo6, nft::element(both, judge(ingress, nft::Verdict::Kind::Accept)));
  }
  if (owned && !isOurs && !ingress.empty())
    add(names::kIngress4, names::kIngress6, nft::element(address, go(ingress.c_str())));
  if (owned && !egress.empty())
    add(names::kEgress4, names::kEgress6, nft::element(address, go(egress.c_str())));
  return result;
}

}  // namespace kpol::policy
