// SPDX-License-Identifier: Apache-2.0
// The checks are those of pkg/apis/networking/validation, which the API server applies to every
// NetworkPolicy that it stores. The defaults of absent fields are those of
// pkg/apis/networking/v1/defaults.go.
#include "kube/decode_addresses.hpp"
#include "kube/decode_kinds.hpp"
#include "kube/decode_meta.hpp"

#include <algorithm>

namespace kpol::kube {
namespace {

using policy::Direction;
using policy::PolicyPort;
using policy::PolicyRule;

// Replaces a rule that could not be read. To leave out only the invalid part could allow more than
// its author wrote ("from" without its only peer allows all sources). To leave out the rule could
// change which directions an absent policyTypes isolates. An unknown field is an error too: it may
// be a misspelt restriction, or one of a newer API, and without it the rule would allow more.
PolicyRule matchesNothing() {
  return {{}, {PolicyPort{std::nullopt, std::monostate{}}}};
}

std::optional<base::Protocol> decodePolicyProtocol(const Field& field) {
  const auto text = field.text();
  if (!text) return base::Protocol::Tcp;
  const auto protocol = base::parseProtocol(*text);
  if (!protocol) field.refuse("must be TCP, UDP or SCTP, found " + field.found());
  return protocol;
}

// The number in `field`; nullopt if it is absent or invalid (which is reported).
std::optional<std::uint16_t> decodePortNumber(const Field& field) {
  const auto number = field.integer();
  if (!number) return std::nullopt;
  const auto port = base::PortRange::single(*number);
  if (!port) {
    field.fail("must be 1..65535, found " + field.found());
    return std::nullopt;
  }
  return port->first();
}

PolicyPort decodeNamedPort(PolicyPort result, const Field& port, const Field& endPort) {
  const auto name = *port.text();
  port.check(portNameFlaw(name));
  if (endPort.present()) endPort.fail("must not be set when port is a name");
  result.port = std::string(name);
  return result;
}

PolicyPort decodePort(const Field& field) {
  if (!field.object()) return {};
  field.failUnknown({"protocol", "port", "endPort"});
  const Field protocol = field["protocol"];
  const Field port = field["port"];
  const Field endPort = field["endPort"];
  PolicyPort result{decodePolicyProtocol(protocol), std::monostate{}};
  if (port.isText()) return decodeNamedPort(std::move(result), port, endPort);
  const auto first = decodePortNumber(port);
  const auto last = decodePortNumber(endPort);
  if (!port.present() && endPort.present()) endPort.fail("must not be set without port");
  if (first && last && *last < *first) {
    endPort.fail("must not be less than port, found " + endPort.found() + " after " + port.found());
  }
  if (first) {
    if (const auto range = base::PortRange::make(*first, last.value_or(*first))) {
      result.port = *range;
    }
  }
  return result;
}

std::optional<policy::IpBlock> decodeIpBlock(const Field& field) {
  if (!field.object()) return std::nullopt;
  field.failUnknown({"cidr", "except"});
  const Field cidrField = field["cidr"];
  const Field exceptField = field["except"];
  const auto cidr = cidrField.required() ? decodeCidr(cidrField) : std::nullopt;
  std::vector<base::Prefix> except;
  for (const Field& item : exceptField.items()) {
    const auto part = item.required() ? decodeCidr(item) : std::nullopt;
    if (!part) continue;
    except.push_back(*part);
    if (cidr && (!cidr->contains(*part) || part->length() <= cidr->length())) {
      item.fail("must be a strict subset of cidr " + base::toString(*cidr) + ", found " +
                item.found());
    }
  }
  if (!cidr) return std::nullopt;
  std::ranges::sort(except);
  return policy::IpBlock{*cidr, std::move(except)};
}

std::optional<policy::LabelSelector> decodeOptionalSelector(const Field& field) {
  if (!field.present()) return std::nullopt;
  return decodeSelector(field, Unknown::Error);
}

policy::Peer decodePeer(const Field& field) {
  if (!field.object()) return {};
  field.failUnknown({"podSelector", "namespaceSelector", "ipBlock"});
  const Field podSelector = field["podSelector"];
  const Field namespaceSelector = field["namespaceSelector"];
  const Field ipBlock = field["ipBlock"];
  const bool selects = podSelector.present() || namespaceSelector.present();
  if (!selects && !ipBlock.present()) {
    field.fail("must have a podSelector, a namespaceSelector or an ipBlock");
  }
  if (selects && ipBlock.present()) {
    ipBlock.fail("must not be set together with podSelector or namespaceSelector");
  }
  return {decodeOptionalSelector(podSelector), decodeOptionalSelector(namespaceSelector),
          decodeIpBlock(ipBlock)};
}

PolicyRule decodeRule(const Field& field, std::string_view peersName) {
  const auto errors = field.report().errors;
  PolicyRule rule;
  if (field.object()) {
    field.failUnknown({peersName, "ports"});
    const Field peers = field[peersName];
    for (const Field& item : peers.items()) rule.peers.push_back(decodePeer(item));
    const Field ports = field["ports"];
    for (const Field& item : ports.items()) rule.ports.push_back(decodePort(item));
  }
  return field.report().errors == errors ? rule : matchesNothing();
}

std::vector<PolicyRule> decodeRules(const Field& field, std::string_view peersName) {
  const auto errors = field.report().errors;
  std::vector<PolicyRule> rules;
  for (const Field& item : field.items()) rules.push_back(decodeRule(item, peersName));
  // The value is not a list, or has null items: treat it as one rule that could not be read.
  if (rules.empty() && field.report().errors != errors) rules.push_back(matchesNothing());
  return rules;
}

std::vector<Direction> decodePolicyTypes(const Field& field) {
  const auto errors = field.report().errors;
  std::vector<Direction> types;
  const auto items = field.items();
  if (items.size() > 2) field.refuse("must have at most two items");
  for (const Field& item : items) {
    const auto text = item.text();
    if (text == "Ingress") {
      types.push_back(Direction::Ingress);
    } else if (text == "Egress") {
      types.push_back(Direction::Egress);
    } else if (text) {
      item.fail("must be Ingress or Egress, found " + item.found());
    }
  }
  if (field.report().errors != errors) return {Direction::Ingress, Direction::Egress};
  return types;
}

}  // namespace

policy::NetworkPolicy decodeNetworkPolicy(const Field& root) {
  policy::NetworkPolicy policy;
  policy.key = decodeMeta(root, Kind::NetworkPolicy).key;
  const Field spec = root["spec"];
  if (!spec.object()) {
    // A policy without a spec still isolates the whole namespace for ingress.
    if (spec.present()) policy.policyTypes = {Direction::Ingress, Direction::Egress};
    return policy;
  }
  spec.warnUnknown({"podSelector", "policyTypes", "ingress", "egress"});
  const Field podSelector = spec["podSelector"];
  const auto errors = root.report().errors;
  policy.podSelector = decodeSelector(podSelector);
  if (root.report().errors != errors) policy.podSelector = {};
  const Field policyTypes = spec["policyTypes"];
  policy.policyTypes = decodePolicyTypes(policyTypes);
  const Field ingress = spec["ingress"];
  policy.ingress = decodeRules(ingress, "from");
  const Field egress = spec["egress"];
  policy.egress = decodeRules(egress, "to");
  return policy;
}

}  // namespace kpol::kube
