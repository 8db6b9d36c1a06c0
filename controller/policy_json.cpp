// SPDX-License-Identifier: Apache-2.0
#include "conf/config_error.hpp"
#include "controller/json_text.hpp"
#include "controller/policy_words.hpp"
#include "controller/show_json.hpp"
#include "policy/host_port_flow.hpp"
#include "policy/selector.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace kpol::controller {
namespace {

using policy::Direction;

constexpr Direction kDirections[] = {Direction::Ingress, Direction::Egress};

const char* ruleField(Direction direction) {
  return direction == Direction::Ingress ? "ingress" : "egress";
}

Json isolatedDirections(const policy::NetworkPolicy& policy) {
  Json directions = Json::array();
  for (const auto direction : kDirections)
    if (policy::isolates(policy, direction)) directions.push_back(toString(direction));
  return directions;
}

// The local pods that `policy` selects.
Json localPods(const policy::Snapshot& snapshot, const policy::NetworkPolicy& policy) {
  Json pods = Json::array();
  for (const auto& pod : snapshot.pods)
    if (selects(policy, pod) && isLocal(snapshot, pod.key)) pods.push_back(toString(pod.key));
  return pods;
}

Json summaryOf(const policy::Snapshot& snapshot, const policy::NetworkPolicy& policy) {
  Json summary = Json::object();
  summary["namespace"] = policy.key.ns;
  summary["name"] = policy.key.name;
  summary["podSelector"] = toString(policy.podSelector);
  summary["isolates"] = isolatedDirections(policy);
  summary["localPods"] = localPods(snapshot, policy);
  return summary;
}

Json rulesJson(const std::vector<policy::PolicyRule>& rules) {
  Json list = Json::array();
  for (const auto& rule : rules)
    list.push_back({{"peers", peersInWords(rule)}, {"ports", portsInWords(rule)}});
  return list;
}

// The comment of a rule names the policies it comes from, as "shop/a, shop/b +3". The policies that
// were cut off ("+3") are not found here.
bool isFrom(const nft::Rule& rule, const std::string& policy) {
  std::string_view comment = rule.comment;
  for (auto at = comment.find(policy); at != std::string_view::npos;
       at = comment.find(policy, at + 1)) {
    const auto end = at + policy.size();
    const bool begins = at == 0 || comment[at - 1] == ' ';
    const bool ends = end == comment.size() || comment[end] == ',' || comment[end] == ' ';
    if (begins && ends) return true;
  }
  return false;
}

void addSetsOf(const nft::Rule& rule, std::set<std::string>& sets) {
  for (const auto& statement : rule.statements) {
    const auto* match = std::get_if<nft::Match>(&statement);
    const auto* in = match == nullptr ? nullptr : std::get_if<nft::InSet>(&match->right);
    if (in != nullptr) sets.insert(in->set);
  }
}

std::set<std::string> setsOf(const nft::Ruleset& table, const std::string& policy) {
  std::set<std::string> sets;
  for (const auto& [name, chain] : table.chains)
    for (const auto& rule : chain.rules)
      if (isFrom(rule, policy)) addSetsOf(rule, sets);
  return sets;
}

// ---- explain -------------------------------------------------------------------------------

std::vector<base::IpAddress> addressesNamed(const policy::Snapshot& snapshot, const char* field,
                                            const std::string& text) {
  if (const auto ip = base::IpAddress::parse(text)) return {*ip};
  const auto slash = text.find('/');
  if (slash == std::string::npos)
    throw conf::ConfigError(field, "must be NAMESPACE/POD or an IP address, not \"" + text + "\"");
  const auto* pod = policy::findPod(snapshot, {text.substr(0, slash), text.substr(slash + 1)});
  if (pod == nullptr)
    throw conf::ConfigError(field, "pod " + text + " does not exist, or kpold has not received it");
  auto ips = policy::addressesOf(snapshot, *pod);
  if (ips.empty()) throw conf::ConfigError(field, "pod " + text + " has no pod IP address");
  return ips;
}

Json verdictJson(const policy::DirectionVerdict& verdict) {
  Json json = Json::object();
  json["isolated"] = verdict.isolated;
  json["allowed"] = verdict.allowed;
  json["policies"] = Json::array();
  for (const auto& policy : verdict.policies) json["policies"].push_back(toString(policy));
  if (verdict.allowedBy) json["allowedBy"] = toString(*verdict.allowedBy);
  if (verdict.rule) json["rule"] = *verdict.rule;
  return json;
}

Json flowJson(const policy::Snapshot& snapshot, const policy::Flow& flow) {
  const auto inner = policy::throughHostPorts(snapshot, flow);
  const auto verdict = policy::evaluate(snapshot, inner.value_or(flow));
  Json json = Json::object();
  json["source"] = toString(flow.source);
  json["destination"] = toString(flow.destination);
  if (inner)
    json["hostPortOf"] = {{"address", toString(inner->destination)},
                          {"port", inner->destinationPort}};
  json["allowed"] = verdict.allowed();
  json["exempt"] = verdict.exempt;
  if (verdict.guarded) json["guard"] = "metadata";
  json["egress"] = verdictJson(verdict.egress);
  json["ingress"] = verdictJson(verdict.ingress);
  return json;
}

}  // namespace

std::string policiesJson(const NodeState& state) {
  const auto snapshot = state.store.snapshot();
  Json list = Json::object();
  list["items"] = Json::array();
  for (const auto& policy : snapshot->policies)
    list["items"].push_back(summaryOf(*snapshot, policy));
  return dump(list);
}

std::optional<std::string> policyJson(const NodeState& state, const base::ObjectKey& key) {
  const auto snapshot = state.store.snapshot();
  const auto found = std::lower_bound(
      snapshot->policies.begin(), snapshot->policies.end(), key,
      [](const policy::NetworkPolicy& policy, const base::ObjectKey& k) { return policy.key < k; });
  if (found == snapshot->policies.end() || found->key != key) return std::nullopt;
  Json json = summaryOf(*snapshot, *found);
  for (const auto direction : kDirections)
    if (policy::isolates(*found, direction))
      json[ruleField(direction)] = rulesJson(found->rules(direction));
  json["sets"] = Json::array();
  if (state.loop.applied()) json["sets"] = setsOf(*state.loop.applied(), toString(key));
  return dump(json);
}

std::string explainJson(const policy::Snapshot& snapshot, const Question& question) {
  const auto sources = addressesNamed(snapshot, "from", question.from);
  const auto destinations = addressesNamed(snapshot, "to", question.to);
  Json json = Json::object();
  json["from"] = question.from;
  json["to"] = question.to;
  json["protocol"] = question.protocol;
  json["port"] = question.port;
  json["allowed"] = true;
  json["flows"] = Json::array();
  for (const auto& source : sources)
    for (const auto& destination : destinations) {
      if (source.family() != destination.family()) continue;
      Json flow = flowJson(snapshot, {source, destination, question.protocol, question.port});
      if (!flow["allowed"]) json["allowed"] = false;
      json["flows"].push_back(std::move(flow));
    }
  if (json["flows"].empty())
    throw conf::ConfigError("to", "has no address of the same family as " + question.from);
  return dump(json);
}

}  // namespace kpol::controller
