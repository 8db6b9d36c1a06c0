// SPDX-License-Identifier: Apache-2.0
#include "policy/host_ports.hpp"

#include "policy/chains.hpp"
#include "policy/peer_sets.hpp"

#include <algorithm>
#include <array>

namespace kpol::policy {
namespace {

using base::Family;
using nft::DataType;
using nft::Field;
using nft::Match;
using nft::Rule;
using Hook = nft::BaseChain::Hook;

// Before kube-proxy's chains (dstnat, srcnat): host ports take precedence over NodePorts.
constexpr std::int32_t kDestinationPriority = -105;
constexpr std::int32_t kSourcePriority = 95;

struct HostPortNames {
  Family family;
  const char* byAddress;
  const char* all;
  const char* ips;
  Field source;
  Field destination;
  const char* self;
};
constexpr HostPortNames kHostPorts4{Family::V4,      "hostports4",   "all-hostports4",
                                    "hostport-ips4", Field::IpSaddr, Field::IpDaddr,
                                    names::kSelf4};
constexpr HostPortNames kHostPorts6{Family::V6,      "hostports6",    "all-hostports6",
                                    "hostport-ips6", Field::Ip6Saddr, Field::Ip6Daddr,
                                    names::kSelf6};

nft::Set destinations(const char* name, std::vector<DataType> key, Family family,
                      std::vector<nft::Element> elements) {
  std::sort(elements.begin(), elements.end());
  // The store prevents that two pods have the same port. If it happens anyway, the first one wins.
  const auto sameKey = [](const auto& a, const auto& b) { return a.first == b.first; };
  elements.erase(std::unique(elements.begin(), elements.end(), sameKey), elements.end());
  nft::Set map;
  map.name = name;
  map.kind = nft::Set::Kind::Map;
  map.key = std::move(key);
  map.value = {addressType(family), DataType::InetService};
  map.size = capacityFor(elements.size());
  map.elements = std::move(elements);
  return map;
}

void addMaps(const HostPortNames& names, std::vector<nft::Element> byAddress,
             std::vector<nft::Element> all, nft::Ruleset& ruleset) {
  ruleset.add(destinations(names.byAddress,
                           {addressType(names.family), DataType::InetProto, DataType::InetService},
                           names.family, std::move(byAddress)));
  ruleset.add(destinations(names.all, {DataType::InetProto, DataType::InetService}, names.family,
                           std::move(all)));
}

constexpr std::array<std::uint8_t, 4> kLocalhost4{127, 0, 0, 1};

void addIps(const HostPortNames& names, const std::vector<base::IpAddress>& ips,
            nft::Ruleset& ruleset) {
  nft::Set set;
  set.name = names.ips;
  set.key = {addressType(names.family)};
  if (names.family == Family::V4) set.elements.push_back(nft::element(nft::Key(kLocalhost4)));
  for (const auto& ip : ips)
    if (ip.family() == names.family) set.elements.push_back(nft::element(nft::Key::of(ip)));
  std::sort(set.elements.begin(), set.elements.end());
  set.size = capacityFor(set.elements.size());
  ruleset.add(std::move(set));
}

nft::Chain natChain(const char* name, Hook hook, std::int32_t priority, std::vector<Rule> rules) {
  return {name,
          nft::BaseChain{nft::BaseChain::Type::Nat, hook, priority, nft::Verdict::Kind::Accept},
          std::move(rules)};
}

// Matches packets to addresses of the node.
Rule toHostPorts() {
  std::uint32_t local = nft::fib_type::kLocal;
  std::array<std::uint8_t, sizeof local> bytes;
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&local), bytes.size(), bytes.begin());
  return {{Match{{Field::FibDaddrType}, false, nft::Exact{nft::Key(bytes)}},
           nft::Verdict{nft::Verdict::Kind::Goto, "hostports"}},
          {}};
}

Rule translationByAddress(const HostPortNames& names) {
  return {{nft::DestinationNat{
              names.family, {names.destination, Field::L4Proto, Field::ThDport}, names.byAddress}},
          {}};
}

Rule translationOfAll(const HostPortNames& names) {
  return {{Match{{names.destination}, false, nft::InSet{names.ips}},
           nft::DestinationNat{names.family, {Field::L4Proto, Field::ThDport}, names.all}},
          {}};
}

Match translated() {
  return {{Field::CtStatus}, false, nft::AnyBit{nft::ct_status::kDestinationNat}};
}

Rule hairpin(const HostPortNames& names) {
  return {{translated(), Match{{names.source, names.destination}, false, nft::InSet{names.self}},
           nft::Masquerade{}},
          "a pod to itself through its host port"};
}

constexpr std::array<std::uint8_t, 4> kLoopback4{127, 0, 0, 0};
constexpr std::array<std::uint8_t, 16> kLoopback6{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1};

Match isLoopback4(Field address) {
  return {{address}, false, nft::Wildcard{nft::Key(kLoopback4), 8}};
}

Rule loopbackClient() {
  static constexpr std::array<std::uint8_t, 16> kPodInterface{'k', 'p', 'o', 'l'};
  return {{translated(), isLoopback4(Field::IpSaddr),
           Match{{Field::OifName}, false, nft::Wildcard{nft::Key(kPodInterface), 32}},
           nft::Masquerade{}},
          "the node from its loopback address"};
}

Rule leaveAlone(Match address, const char* comment) {
  return {{std::move(address), nft::Verdict{nft::Verdict::Kind::Accept, {}}}, comment};
}

// A packet that arrives for a loopback address was forged by a neighbour. Routing rejects it later,
// so it must not be translated to a pod before. The node's own flows are translated in the output
// hook and do not get here.
Rule forgedLoopback() {
  return leaveAlone(isLoopback4(Field::IpDaddr), "loopback addresses are the node's own");
}

// The kernel accepts replies to ::1 from the loopback interface only (net/ipv6/route.c
// rt6_need_strict). Without translation the client gets an error at once instead of a timeout.
Rule noAnswerToLoopback6() {
  return leaveAlone({{Field::Ip6Daddr}, false, nft::Exact{nft::Key(kLoopback6)}},
                    "no pod can answer to it");
}

}  // namespace

void HostPortMaps::add(const Endpoint& endpoint) {
  for (const auto& port : endpoint.hostPorts) {
    for (const auto family : {Family::V4, Family::V6}) {
      if (!port.concerns(family)) continue;
      const auto pod = std::find_if(endpoint.ips.begin(), endpoint.ips.end(),
                                    [&](const auto& ip) { return ip.family() == family; });
      if (pod == endpoint.ips.end()) continue;
      const bool v4 = family == Family::V4;
      const auto key = nft::Key::of(port.protocol).dot(nft::Key::of(port.hostPort));
      const auto target = nft::Key::of(*pod).dot(nft::Key::of(port.containerPort));
      if (const auto only = port.onlyIp()) {
        const auto full =
            nft::Key::of(*only).dot(nft::Key::of(port.protocol)).dot(nft::Key::of(port.hostPort));
        (v4 ? byAddress4 : byAddress6).push_back({full, full, target});
      } else {
        (v4 ? all4 : all6).push_back({key, key, target});
      }
    }
  }
}

bool HostPortMaps::empty() const {
  return byAddress4.empty() && byAddress6.empty() && all4.empty() && all6.empty();
}

void addHostPorts(HostPortMaps maps, const std::vector<base::IpAddress>& ips,
                  nft::Ruleset& ruleset) {
  if (maps.empty()) return;
  addIps(kHostPorts4, ips, ruleset);
  addIps(kHostPorts6, ips, ruleset);
  addMaps(kHostPorts4, std::move(maps.byAddress4), std::move(maps.all4), ruleset);
  addMaps(kHostPorts6, std::move(maps.byAddress6), std::move(maps.all6), ruleset);
  ruleset.add(natChain("hostport-dnat", Hook::Prerouting, kDestinationPriority,
                       {forgedLoopback(), toHostPorts()}));
  ruleset.add(natChain("hostport-dnat-output", Hook::Output, kDestinationPriority,
                       {noAnswerToLoopback6(), toHostPorts()}));
  ruleset.add(nft::Chain{"hostports",
                         {},
                         {translationByAddress(kHostPorts4), translationByAddress(kHostPorts6),
                          translationOfAll(kHostPorts4), translationOfAll(kHostPorts6)}});
  ruleset.add(natChain("hostport-snat", Hook::Postrouting, kSourcePriority,
                       {hairpin(kHostPorts4), hairpin(kHostPorts6), loopbackClient()}));
}

}  // namespace kpol::policy
