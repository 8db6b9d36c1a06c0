// SPDX-License-Identifier: Apache-2.0
#include "tests/support/manifest_text.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <ctime>
#include <string_view>

namespace kpol::test {
namespace {

// Keeps the order in which people write fields.
using Json = nlohmann::ordered_json;

Json labels(const policy::Labels& labels) {
  Json result = Json::object();
  for (const auto& [key, value] : labels.entries()) result[key] = value;
  return result;
}

template <typename Range>
Json textList(const Range& values) {
  Json result = Json::array();
  for (const auto& value : values) result.push_back(toString(value));
  return result;
}

std::string_view operatorName(policy::LabelRequirement::Operator op) {
  using enum policy::LabelRequirement::Operator;
  switch (op) {
    case In: return "In";
    case NotIn: return "NotIn";
    case Exists: return "Exists";
    case DoesNotExist: return "DoesNotExist";
  }
  return "";
}

Json selector(const policy::LabelSelector& selector) {
  Json result = Json::object();
  if (!selector.matchLabels.entries().empty()) result["matchLabels"] = labels(selector.matchLabels);
  for (const auto& requirement : selector.matchExpressions) {
    Json entry = {{"key", requirement.key}, {"operator", operatorName(requirement.op)}};
    if (!requirement.values.empty()) entry["values"] = requirement.values;
    result["matchExpressions"].push_back(entry);
  }
  return result;
}

Json ipBlock(const policy::IpBlock& block) {
  Json result = {{"cidr", toString(block.cidr)}};
  if (!block.except.empty()) result["except"] = textList(block.except);
  return result;
}

Json peer(const policy::Peer& peer) {
  Json result = Json::object();
  if (peer.podSelector) result["podSelector"] = selector(*peer.podSelector);
  if (peer.namespaceSelector) result["namespaceSelector"] = selector(*peer.namespaceSelector);
  if (peer.ipBlock) result["ipBlock"] = ipBlock(*peer.ipBlock);
  return result;
}

Json port(const policy::PolicyPort& port) {
  Json result = Json::object();
  // A protocol outside of the API has no spelling that the API accepts.
  result["protocol"] = port.protocol ? toString(*port.protocol) : "UNKNOWN";
  if (const auto* range = std::get_if<base::PortRange>(&port.port)) {
    result["port"] = range->first();
    if (range->last() != range->first()) result["endPort"] = range->last();
  } else if (const auto* name = std::get_if<std::string>(&port.port)) {
    result["port"] = *name;
  }
  return result;
}

Json rules(const std::vector<policy::PolicyRule>& rules, const char* peersName) {
  Json result = Json::array();
  for (const auto& rule : rules) {
    Json entry = Json::object();
    for (const auto& item : rule.peers) entry[peersName].push_back(peer(item));
    for (const auto& item : rule.ports) entry["ports"].push_back(port(item));
    result.push_back(entry);
  }
  return result;
}

std::string_view phaseName(policy::PodPhase phase) {
  using enum policy::PodPhase;
  switch (phase) {
    case Pending: return "Pending";
    case Running: return "Running";
    case Succeeded: return "Succeeded";
    case Failed: return "Failed";
    case Unknown: return "Unknown";
  }
  return "";
}

Json metadata(const base::ObjectKey& key, const policy::Labels* given) {
  Json result = {{"name", key.name}};
  if (!key.ns.empty()) result["namespace"] = key.ns;
  if (given != nullptr && !given->entries().empty()) result["labels"] = labels(*given);
  return result;
}

Json tree(const policy::Namespace& ns) {
  return {{"apiVersion", "v1"},
          {"kind", "Namespace"},
          {"metadata", metadata({{}, ns.name}, &ns.labels)}};
}

Json tree(const policy::Node& node) {
  Json result = {{"apiVersion", "v1"},
                 {"kind", "Node"},
                 {"metadata", metadata({{}, node.name}, &node.labels)}};
  if (!node.podCidrs.empty()) result["spec"]["podCIDRs"] = textList(node.podCidrs);
  if (node.networkUnavailable)
    result["spec"]["taints"] = {
        {{"key", "node.kubernetes.io/network-unavailable"}, {"effect", "NoSchedule"}}};
  for (const auto& address : node.internalIps)
    result["status"]["addresses"].push_back(
        {{"type", "InternalIP"}, {"address", toString(address)}});
  for (const auto& address : node.addresses) {
    if (std::find(node.internalIps.begin(), node.internalIps.end(), address) !=
        node.internalIps.end())
      continue;
    result["status"]["addresses"].push_back(
        {{"type", "ExternalIP"}, {"address", toString(address)}});
  }
  return result;
}

Json container(const std::vector<policy::ContainerPort>& ports) {
  Json result = {{"name", "main"}, {"image", "example.com/main:1"}};
  for (const auto& entry : ports) {
    Json item = {{"containerPort", entry.port}, {"protocol", toString(entry.protocol)}};
    if (!entry.name.empty()) item["name"] = entry.name;
    result["ports"].push_back(item);
  }
  return result;
}

std::string timeText(std::uint32_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  std::array<char, 32> text{};
  std::strftime(text.data(), text.size(), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text.data();
}

Json tree(const policy::Pod& pod) {
  Json result = {
      {"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", metadata(pod.key, &pod.labels)}};
  if (!pod.uid.empty()) result["metadata"]["uid"] = pod.uid;
  if (pod.terminating) result["metadata"]["deletionTimestamp"] = "2026-01-02T03:04:05Z";
  if (pod.created != 0) result["metadata"]["creationTimestamp"] = timeText(pod.created);
  Json& spec = result["spec"];
  if (!pod.nodeName.empty()) spec["nodeName"] = pod.nodeName;
  if (pod.hostNetwork) spec["hostNetwork"] = true;
  spec["containers"] = Json::array({container(pod.ports)});
  Json& status = result["status"];
  status["phase"] = phaseName(pod.phase);
  for (const auto& ip : pod.ips) status["podIPs"].push_back({{"ip", toString(ip)}});
  if (!pod.ips.empty()) status["podIP"] = toString(pod.ips.front());
  return result;
}

Json tree(const policy::NetworkPolicy& policy) {
  Json result = {{"apiVersion", "networking.k8s.io/v1"},
                 {"kind", "NetworkPolicy"},
                 {"metadata", metadata(policy.key, nullptr)}};
  Json& spec = result["spec"];
  spec["podSelector"] = selector(policy.podSelector);
  if (!policy.policyTypes.empty()) spec["policyTypes"] = textList(policy.policyTypes);
  if (!policy.ingress.empty()) spec["ingress"] = rules(policy.ingress, "from");
  if (!policy.egress.empty()) spec["egress"] = rules(policy.egress, "to");
  return result;
}

Json treeOf(const kube::Object& object) {
  return std::visit([](const auto& value) { return tree(value); }, object);
}

// Writes block style YAML; `indent` is that of the value's own lines. JSON strings are YAML's
// double-quoted scalars.
void printYaml(const Json& value, const std::string& indent, std::string& text) {
  const auto child = [&](const Json& item) {
    if (item.is_structured() && !item.empty()) {
      text += '\n';
      printYaml(item, indent + "  ", text);
    } else {
      text += ' ' + item.dump() + '\n';
    }
  };
  if (value.is_array()) {
    for (const Json& item : value) {
      text += indent + '-';
      child(item);
    }
    return;
  }
  for (const auto& [key, item] : value.items()) {
    text += indent + Json(key).dump() + ':';
    child(item);
  }
}

}  // namespace

std::string toJson(const kube::Object& object) {
  return treeOf(object).dump(2);
}

std::string toYaml(const kube::Object& object) {
  std::string text;
  printYaml(treeOf(object), "", text);
  return text;
}

std::string toYaml(std::span<const kube::Object> objects) {
  std::string text;
  for (const auto& object : objects) text += "---\n" + toYaml(object);
  return text;
}

std::string toJsonList(std::span<const kube::Object> objects) {
  Json list = {{"apiVersion", "v1"}, {"kind", "List"}, {"items", Json::array()}};
  for (const auto& object : objects) list["items"].push_back(treeOf(object));
  return list.dump(1);
}

std::vector<kube::Object> objectsOf(const policy::Snapshot& snapshot) {
  std::vector<kube::Object> objects;
  objects.insert(objects.end(), snapshot.namespaces.begin(), snapshot.namespaces.end());
  objects.insert(objects.end(), snapshot.pods.begin(), snapshot.pods.end());
  objects.insert(objects.end(), snapshot.policies.begin(), snapshot.policies.end());
  return objects;
}

}  // namespace kpol::test
