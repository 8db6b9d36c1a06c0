// SPDX-License-Identifier: Apache-2.0
#include "tests/support/policy_cases.hpp"

#include "base/error.hpp"
#include "tests/support/policy_case_builder.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ostream>

namespace kpol::test {
namespace {

using base::Family;
using base::IpAddress;

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kIcmpv6 = 58;

constexpr std::array kOutside = {std::pair{Place::Kind::OwnNode, "own-node"},
                                 std::pair{Place::Kind::OtherNode, "other-node"},
                                 std::pair{Place::Kind::OffCluster, "off-cluster"}};

// The address that a pod reports and has; nullopt if it has none.
std::optional<DualAddress> addressOf(const CasePod& pod, const Setting& setting) {
  if (!pod.hasAddress) return std::nullopt;
  if (pod.pod.hostNetwork) return setting.of(Place{pod.hostNetworkOf, {}});
  return setting.pods.at(pod.addressOf.value_or(pod.pod.key));
}

std::string protocolName(std::uint8_t protocol) {
  if (protocol == kIcmp) return "ICMP";
  return std::string(base::toString(static_cast<base::Protocol>(protocol)));
}

std::vector<PolicyCase> gather() {
  std::vector<PolicyCase> all;
  for (const auto& part :
       {isolationCases(), selectorCases(), portCases(), ipBlockCases(), podCases()}) {
    all.insert(all.end(), part.begin(), part.end());
  }
  return all;
}

}  // namespace

Place Place::parse(std::string_view text) {
  for (const auto& [kind, name] : kOutside) {
    if (text == name) return {kind, {}};
  }
  return {Kind::Pod, keyOf(text)};
}

std::string toString(const Place& place) {
  for (const auto& [kind, name] : kOutside) {
    if (place.kind == kind) return name;
  }
  return base::toString(place.pod);
}

bool needsSandbox(const CasePod& pod) {
  return policy::hasPodNetwork(pod.pod) && pod.hasAddress && !pod.addressOf;
}

const DualAddress& Setting::of(const Place& place) const {
  switch (place.kind) {
    case Place::Kind::OwnNode: return ownNode;
    case Place::Kind::OtherNode: return otherNode;
    case Place::Kind::OffCluster: return offCluster;
    case Place::Kind::Pod: break;
  }
  const auto found = pods.find(place.pod);
  base::expects(found != pods.end(), "a probe or block names a pod with a sandbox");
  return found->second;
}

std::vector<Family> familiesOf(const Probe& probe) {
  if (probe.only) return {*probe.only};
  return {Family::V4, Family::V6};
}

bool leavesPods(const Probe& probe) {
  return probe.from.kind != Place::Kind::Pod || probe.to.kind != Place::Kind::Pod;
}

policy::Flow flowOf(const Probe& probe, const Setting& setting, Family family) {
  const bool icmpv6 = probe.protocol == kIcmp && family == Family::V6;
  return {setting.of(probe.from).of(family), setting.of(probe.to).of(family),
          icmpv6 ? kIcmpv6 : probe.protocol, probe.port};
}

std::string toString(const Probe& probe) {
  std::string text =
      toString(probe.from) + " -> " + toString(probe.to) + " " + protocolName(probe.protocol);
  if (probe.port != 0) text += " " + std::to_string(probe.port);
  return text;
}

void PrintTo(const PolicyCase& policyCase, std::ostream* out) {
  *out << policyCase.name;
}

const std::vector<PolicyCase>& policyCases() {
  static const std::vector<PolicyCase> kCases = gather();
  return kCases;
}

policy::Snapshot snapshotOf(const PolicyCase& policyCase, const Setting& setting) {
  policy::Snapshot snapshot;
  snapshot.namespaces = policyCase.namespaces;
  snapshot.policies = policyCase.policies(setting);
  snapshot.nodeIps = {setting.ownNode.v4, setting.ownNode.v6};
  snapshot.podToNode = policyCase.podToNode;
  for (const CasePod& pod : policyCase.pods) {
    snapshot.pods.push_back(pod.pod);
    const auto address = addressOf(pod, setting);
    if (!address) continue;
    snapshot.pods.back().ips = {address->v4, address->v6};
    if (!needsSandbox(pod)) continue;
    const auto& interface = setting.hostInterfaces.at(pod.pod.key);
    snapshot.endpoints.push_back({pod.pod.key, interface, {address->v4, address->v6}});
  }
  std::ranges::sort(snapshot.namespaces);
  std::ranges::sort(snapshot.pods, {}, &policy::Pod::key);
  std::ranges::sort(snapshot.policies, {}, &policy::NetworkPolicy::key);
  std::ranges::sort(snapshot.endpoints);
  return snapshot;
}

Setting settingOf(const PolicyCase& policyCase, const DualAddress& first) {
  Setting setting{{},
                  {},
                  {ip("192.168.7.1"), ip("2001:db8:7::1")},
                  {ip("192.168.7.2"), ip("2001:db8:7::2")},
                  {ip("203.0.113.9"), ip("2001:db8:ffff::9")}};
  DualAddress next = first;
  unsigned number = 0;
  for (const CasePod& pod : policyCase.pods) {
    if (!needsSandbox(pod)) continue;
    setting.pods.emplace(pod.pod.key, next);
    std::array<char, 16> name{};
    std::snprintf(name.data(), name.size(), "kpol%011x", ++number);
    setting.hostInterfaces.emplace(pod.pod.key, *base::IfName::parse(name.data()));
    next = {*next.v4.next(), *next.v6.next()};
  }
  return setting;
}

}  // namespace kpol::test
