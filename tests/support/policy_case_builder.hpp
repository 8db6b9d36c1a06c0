// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/policy_builders.hpp"
#include "tests/support/policy_cases.hpp"

#include <functional>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

// Builds the tables of policy_cases; used only there.
namespace kpol::test {

// One or several places by their text, so that a probe line reads as one sentence.
struct Places : std::vector<Place> {
  Places(const char* place) : Places({place}) {}  // NOLINT(google-explicit-constructor)
  Places(std::initializer_list<const char*> places);
};

struct ProbePort {
  std::uint8_t protocol;
  std::uint16_t port;
};
ProbePort tcp(std::uint16_t port);
ProbePort udp(std::uint16_t port);
ProbePort sctp(std::uint16_t port);
ProbePort icmp();

struct ProbePorts : std::vector<ProbePort> {
  ProbePorts(ProbePort port) : ProbePorts({port}) {}  // NOLINT(google-explicit-constructor)
  ProbePorts(std::initializer_list<ProbePort> ports) : std::vector<ProbePort>(ports) {}
};
// One of each kind: TCP 80, UDP 80, SCTP 80, ICMP.
const ProbePorts& everyProtocol();

// Builds one case. It starts with the world of the upstream end-to-end suite: namespaces x, y, z
// with a label ns of their name, in each the pods a, b, c with a label pod of their name, each with
// the container ports http (TCP 80), alt (TCP 81), dns (UDP 5353) and signal (SCTP 80).
class CaseBuilder {
 public:
  CaseBuilder(std::string name, std::vector<int> semantics);

  CaseBuilder& emptyWorld();
  CaseBuilder& addNamespace(const std::string& name, const policy::Labels& labels = {});
  CaseBuilder& removeNamespace(const std::string& name);  // its pods stay
  CaseBuilder& addPod(std::string_view key, const policy::Labels& labels);
  CaseBuilder& removePod(std::string_view key);
  CaseBuilder& edit(std::string_view pod, const std::function<void(CasePod&)>& change);
  CaseBuilder& relabel(std::string_view pod, const policy::Labels& labels);
  CaseBuilder& containerPorts(std::string_view pod, std::vector<policy::ContainerPort> ports);
  CaseBuilder& podToNodeByPolicy();

  CaseBuilder& policy(policy::NetworkPolicy policy);
  // For policies with addresses in them.
  CaseBuilder& policy(std::function<policy::NetworkPolicy(const Setting&)> make);

  CaseBuilder& allow(const Places& from, const Places& to, const ProbePorts& ports);
  CaseBuilder& deny(const Places& from, const Places& to, const ProbePorts& ports);
  CaseBuilder& onlyIn(base::Family family);  // the probes that follow
  CaseBuilder& inBothFamilies();

  operator PolicyCase() const;  // NOLINT(google-explicit-constructor)

 private:
  using MakePolicy = std::function<policy::NetworkPolicy(const Setting&)>;
  CaseBuilder& probe(const Places& from, const Places& to, const ProbePorts& ports, bool allowed);

  PolicyCase case_;
  std::vector<MakePolicy> policies_;
  std::optional<base::Family> family_;
};

using Peers = std::vector<policy::Peer>;
// ipBlock peers in both families.
Peers hosts(std::initializer_list<DualAddress> addresses);  // /32 and /128 of each
Peers anywhere();                                           // 0.0.0.0/0 and ::/0
Peers anywhereBut(std::initializer_list<DualAddress> addresses);
Peers together(std::initializer_list<Peers> parts);

// The narrowest prefix with all of `addresses` of one family, and one peer a family with it.
base::Prefix covering(const std::vector<base::IpAddress>& addresses);
Peers cover(std::initializer_list<DualAddress> addresses);
Peers coverBut(std::initializer_list<DualAddress> addresses,
               std::initializer_list<DualAddress> except);

// The tables.
std::vector<PolicyCase> isolationCases();
std::vector<PolicyCase> selectorCases();
std::vector<PolicyCase> portCases();
std::vector<PolicyCase> ipBlockCases();
std::vector<PolicyCase> podCases();

}  // namespace kpol::test
