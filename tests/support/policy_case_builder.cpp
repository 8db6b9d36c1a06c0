// SPDX-License-Identifier: Apache-2.0
#include "tests/support/policy_case_builder.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <array>

namespace kpol::test {
namespace {

using base::Family;
using base::IpAddress;
using base::Prefix;
using policy::ContainerPort;

constexpr std::array kFamilies = {Family::V4, Family::V6};

std::vector<ContainerPort> usualPorts() {
  return {{"alt", base::Protocol::Tcp, 81},
          {"dns", base::Protocol::Udp, 5353},
          {"http", base::Protocol::Tcp, 80},
          {"signal", base::Protocol::Sctp, 80}};
}

Prefix wholeFamily(Family family) {
  return cidr(family == Family::V4 ? "0.0.0.0/0" : "::/0");
}

std::vector<Prefix> hostPrefixes(std::initializer_list<DualAddress> addresses, Family family) {
  std::vector<Prefix> prefixes;
  for (const DualAddress& address : addresses) prefixes.push_back(Prefix::host(address.of(family)));
  return prefixes;
}

}  // namespace

Places::Places(std::initializer_list<const char*> places) {
  for (const char* place : places) push_back(Place::parse(place));
}

ProbePort tcp(std::uint16_t port) {
  return {6, port};
}
ProbePort udp(std::uint16_t port) {
  return {17, port};
}
ProbePort sctp(std::uint16_t port) {
  return {132, port};
}
ProbePort icmp() {
  return {1, 0};
}

const ProbePorts& everyProtocol() {
  static const ProbePorts kPorts = {tcp(80), udp(80), sctp(80), icmp()};
  return kPorts;
}

CaseBuilder::CaseBuilder(std::string name, std::vector<int> semantics) {
  case_.name = std::move(name);
  case_.semantics = std::move(semantics);
  for (const std::string ns : {"x", "y", "z"}) {
    addNamespace(ns, labels({{"ns", ns}}));
    for (const std::string pod : {"a", "b", "c"}) addPod(ns + "/" + pod, labels({{"pod", pod}}));
  }
}

CaseBuilder& CaseBuilder::emptyWorld() {
  case_.namespaces.clear();
  case_.pods.clear();
  return *this;
}

CaseBuilder& CaseBuilder::addNamespace(const std::string& name, const policy::Labels& labels) {
  removeNamespace(name);
  auto entries = labels.entries();
  entries.emplace_back("kubernetes.io/metadata.name", name);
  case_.namespaces.push_back({name, policy::Labels(std::move(entries))});
  return *this;
}

CaseBuilder& CaseBuilder::removeNamespace(const std::string& name) {
  std::erase_if(case_.namespaces, [&](const auto& ns) { return ns.name == name; });
  return *this;
}

CaseBuilder& CaseBuilder::addPod(std::string_view key, const policy::Labels& labels) {
  CasePod pod;
  pod.pod.key = keyOf(key);
  pod.pod.phase = policy::PodPhase::Running;
  pod.pod.labels = labels;
  pod.pod.ports = usualPorts();
  case_.pods.push_back(std::move(pod));
  return *this;
}

CaseBuilder& CaseBuilder::removePod(std::string_view key) {
  const auto removed =
      std::erase_if(case_.pods, [&](const CasePod& pod) { return pod.pod.key == keyOf(key); });
  base::expects(removed == 1, "the pod removed exists");
  return *this;
}

CaseBuilder& CaseBuilder::edit(std::string_view pod, const std::function<void(CasePod&)>& change) {
  const auto found = std::ranges::find(
      case_.pods, keyOf(pod), [](const CasePod& p) -> const auto& { return p.pod.key; });
  base::expects(found != case_.pods.end(), "the pod edited exists");
  change(*found);
  return *this;
}

CaseBuilder& CaseBuilder::relabel(std::string_view pod, const policy::Labels& labels) {
  return edit(pod, [&](CasePod& p) { p.pod.labels = labels; });
}

CaseBuilder& CaseBuilder::containerPorts(std::string_view pod, std::vector<ContainerPort> ports) {
  std::ranges::sort(ports);
  return edit(pod, [&](CasePod& p) { p.pod.ports = std::move(ports); });
}

CaseBuilder& CaseBuilder::podToNodeByPolicy() {
  case_.podToNode = policy::PodToNode::Policy;
  return *this;
}

CaseBuilder& CaseBuilder::policy(policy::NetworkPolicy policy) {
  policies_.emplace_back([policy = std::move(policy)](const Setting&) { return policy; });
  return *this;
}

CaseBuilder& CaseBuilder::policy(MakePolicy make) {
  policies_.push_back(std::move(make));
  return *this;
}

CaseBuilder& CaseBuilder::allow(const Places& from, const Places& to, const ProbePorts& ports) {
  return probe(from, to, ports, true);
}

CaseBuilder& CaseBuilder::deny(const Places& from, const Places& to, const ProbePorts& ports) {
  return probe(from, to, ports, false);
}

CaseBuilder& CaseBuilder::probe(const Places& from, const Places& to, const ProbePorts& ports,
                                bool allowed) {
  for (const Place& source : from) {
    for (const Place& destination : to) {
      for (const auto& [protocol, port] : ports) {
        case_.probes.push_back({source, destination, protocol, port, allowed, family_});
      }
    }
  }
  return *this;
}

CaseBuilder& CaseBuilder::onlyIn(Family family) {
  family_ = family;
  return *this;
}

CaseBuilder& CaseBuilder::inBothFamilies() {
  family_.reset();
  return *this;
}

CaseBuilder::operator PolicyCase() const {
  PolicyCase result = case_;
  result.policies = [makers = policies_](const Setting& setting) {
    std::vector<policy::NetworkPolicy> made;
    for (const MakePolicy& make : makers) made.push_back(make(setting));
    return made;
  };
  return result;
}

Peers hosts(std::initializer_list<DualAddress> addresses) {
  Peers peers;
  for (const Family family : kFamilies) {
    for (const Prefix& prefix : hostPrefixes(addresses, family)) peers.push_back(block(prefix));
  }
  return peers;
}

Peers anywhere() {
  return anywhereBut({});
}

Peers anywhereBut(std::initializer_list<DualAddress> addresses) {
  Peers peers;
  for (const Family family : kFamilies) {
    peers.push_back(block(wholeFamily(family), hostPrefixes(addresses, family)));
  }
  return peers;
}

Peers together(std::initializer_list<Peers> parts) {
  Peers all;
  for (const Peers& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

Prefix covering(const std::vector<IpAddress>& addresses) {
  Prefix prefix = Prefix::host(addresses.front());
  for (const IpAddress& address : addresses) {
    while (!prefix.contains(address)) prefix = *Prefix::make(prefix.address(), prefix.length() - 1);
  }
  return prefix;
}

Peers cover(std::initializer_list<DualAddress> addresses) {
  return coverBut(addresses, {});
}

Peers coverBut(std::initializer_list<DualAddress> addresses,
               std::initializer_list<DualAddress> except) {
  Peers peers;
  for (const Family family : kFamilies) {
    std::vector<IpAddress> all;
    for (const DualAddress& address : addresses) all.push_back(address.of(family));
    peers.push_back(block(covering(all), hostPrefixes(except, family)));
  }
  return peers;
}

}  // namespace kpol::test
