// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/objects.hpp"
#include "tests/support/addresses.hpp"

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

// Short functions for the parts of a NetworkPolicy, so that a test reads like its YAML. Malformed
// text aborts the test program.
namespace kpol::test {

// "shop/web" -> {"shop", "web"}.
base::ObjectKey keyOf(std::string_view text);
base::Prefix cidr(std::string_view text);

policy::Labels labels(std::initializer_list<std::pair<std::string, std::string>> entries);

policy::LabelSelector everything();
policy::LabelSelector is(std::string key, std::string value);  // matchLabels
policy::LabelSelector in(std::string key, std::vector<std::string> values);
policy::LabelSelector notIn(std::string key, std::vector<std::string> values);
policy::LabelSelector has(std::string key);
policy::LabelSelector lacks(std::string key);
policy::LabelSelector allOf(std::initializer_list<policy::LabelSelector> selectors);

policy::Peer pods(policy::LabelSelector podSelector);
policy::Peer namespaces(policy::LabelSelector namespaceSelector);
policy::Peer podsIn(policy::LabelSelector namespaceSelector, policy::LabelSelector podSelector);
policy::Peer block(const base::Prefix& cidr, std::vector<base::Prefix> except = {});

policy::PolicyPort port(std::uint16_t number, base::Protocol protocol = base::Protocol::Tcp);
policy::PolicyPort ports(std::uint16_t first, std::uint16_t last,
                         base::Protocol protocol = base::Protocol::Tcp);
policy::PolicyPort named(std::string name, base::Protocol protocol = base::Protocol::Tcp);
policy::PolicyPort anyPort(base::Protocol protocol = base::Protocol::Tcp);
policy::PolicyPort unknownProtocol(std::uint16_t number);

using Rules = std::vector<policy::PolicyRule>;
policy::PolicyRule rule(std::vector<policy::Peer> peers,
                        std::vector<policy::PolicyPort> policyPorts = {});
policy::PolicyRule anyPeer(std::vector<policy::PolicyPort> policyPorts = {});

// policyTypes [Ingress], [Egress], both, and absent.
policy::NetworkPolicy ingress(std::string_view key, policy::LabelSelector podSelector,
                              Rules rules = {});
policy::NetworkPolicy egress(std::string_view key, policy::LabelSelector podSelector,
                             Rules rules = {});
policy::NetworkPolicy bothWays(std::string_view key, policy::LabelSelector podSelector,
                               Rules ingressRules = {}, Rules egressRules = {});
policy::NetworkPolicy untyped(std::string_view key, policy::LabelSelector podSelector,
                              Rules ingressRules = {}, Rules egressRules = {});

}  // namespace kpol::test
