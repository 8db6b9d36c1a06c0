// SPDX-License-Identifier: Apache-2.0
#include "controller/show_json.hpp"

#include "controller/json_text.hpp"
#include "controller/policy_words.hpp"
#include "nft/print.hpp"
#include "policy/selector.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <set>

namespace kpol::controller {
namespace {

using policy::Direction;

std::string itemsJson(Json items) {
  Json list = Json::object();
  list["items"] = std::move(items);
  return dump(list);
}

template <class Values>
Json textsOf(const Values& values) {
  Json texts = Json::array();
  for (const auto& value : values) texts.push_back(toString(value));
  return texts;
}

const char* phaseText(policy::PodPhase phase) {
  switch (phase) {
    case policy::PodPhase::Pending: return "Pending";
    case policy::PodPhase::Running: return "Running";
    case policy::PodPhase::Succeeded: return "Succeeded";
    case policy::PodPhase::Failed: return "Failed";
    case policy::PodPhase::Unknown: return "Unknown";
  }
  return "Unknown";
}

Json labelsJson(const policy::Labels& labels) {
  Json object = Json::object();
  for (const auto& [key, value] : labels.entries()) object[key] = value;
  return object;
}

Json hostPortsOf(const policy::Snapshot& snapshot, const policy::Pod& pod) {
  Json texts = Json::array();
  for (const auto& endpoint : snapshot.endpoints)
    if (endpoint.pod == pod.key)
      for (const auto& port : endpoint.hostPorts)
        texts.push_back(toString(port) + " to " + std::to_string(port.containerPort));
  return texts;
}

Json summaryOf(const policy::Snapshot& snapshot, const policy::Pod& pod) {
  Json summary = Json::object();
  summary["namespace"] = pod.key.ns;
  summary["name"] = pod.key.name;
  summary["phase"] = phaseText(pod.phase);
  summary["hostNetwork"] = pod.hostNetwork;
  summary["ips"] = textsOf(policy::addressesOf(snapshot, pod));
  const bool local = isLocal(snapshot, pod.key);
  summary["local"] = local;
  summary["hostPorts"] = local ? hostPortsOf(snapshot, pod) : Json::array();
  for (const auto direction : {Direction::Ingress, Direction::Egress}) {
    const char* field = direction == Direction::Ingress ? "ingressPolicies" : "egressPolicies";
    summary[field] = textsOf(isolatingPolicies(snapshot, pod, direction));
  }
  return summary;
}

// The interfaces that the plugin registered for the pod, including those that are not enforced
// (yet).
Json interfacesJson(const NodeState& state, const policy::Pod& pod) {
  Json interfaces = Json::array();
  for (const auto& [id, attachment] : state.store.attachments()) {
    if (attachment.pod != pod.key) continue;
    interfaces.push_back({{"hostInterface", attachment.hostInterface.text()},
                          {"ifName", id.ifName},
                          {"containerID", id.containerId},
                          {"ips", textsOf(attachment.ips)},
                          {"hostPorts", textsOf(attachment.hostPorts)},
                          {"enforced", isOf(attachment, pod)}});
  }
  return interfaces;
}

// The keys of the pod in the table's verdict maps: interface and address together, or the address
// alone if another plugin created the interface or it is not known.
std::vector<nft::Key> keysOf(const policy::Snapshot& snapshot, const base::ObjectKey& pod) {
  std::vector<nft::Key> keys;
  for (const auto& endpoint : snapshot.endpoints) {
    if (endpoint.pod != pod) continue;
    for (const auto& ip : endpoint.ips) {
      keys.push_back(nft::Key::of(ip));
      if (endpoint.hostInterface)
        keys.push_back(nft::Key::of(*endpoint.hostInterface).dot(nft::Key::of(ip)));
    }
  }
  return keys;
}

// The chains that the table's verdict maps lead to for any of `keys`.
std::set<std::string> chainsOf(const nft::Ruleset& table, const std::vector<nft::Key>& keys) {
  std::set<std::string> chains;
  for (const auto& [name, map] : table.sets) {
    if (map.kind != nft::Set::Kind::VerdictMap) continue;
    for (const auto& key : keys) {
      const auto found = std::lower_bound(
          map.elements.begin(), map.elements.end(), key,
          [](const nft::Element& element, const nft::Key& k) { return element.first < k; });
      if (found == map.elements.end() || found->first != key) continue;
      const auto* verdict = std::get_if<nft::Verdict>(&found->value);
      if (verdict != nullptr && !verdict->chain.empty()) chains.insert(verdict->chain);
    }
  }
  return chains;
}

const char* kindText(const nft::Set& set) {
  switch (set.kind) {
    case nft::Set::Kind::Set: return "set";
    case nft::Set::Kind::Map: return "map";
    case nft::Set::Kind::VerdictMap: return "verdict map";
  }
  return "";
}

std::string keyType(const nft::Set& set) {
  std::string text;
  for (const auto type : set.key) {
    if (!text.empty()) text += " . ";
    text += typeName(type);
  }
  return text;
}

}  // namespace

std::string podsJson(const NodeState& state) {
  const auto snapshot = state.store.snapshot();
  Json items = Json::array();
  for (const auto& pod : snapshot->pods) items.push_back(summaryOf(*snapshot, pod));
  return itemsJson(std::move(items));
}

std::optional<std::string> podJson(const NodeState& state, const base::ObjectKey& key) {
  const auto snapshot = state.store.snapshot();
  const auto* pod = policy::findPod(*snapshot, key);
  if (pod == nullptr) return std::nullopt;
  Json json = summaryOf(*snapshot, *pod);
  json["uid"] = pod->uid;
  json["node"] = pod->nodeName;
  json["labels"] = labelsJson(pod->labels);
  json["interfaces"] = interfacesJson(state, *pod);
  json["chains"] = Json::array();
  if (state.loop.applied())
    json["chains"] = chainsOf(*state.loop.applied(), keysOf(*snapshot, key));
  return dump(json);
}

std::string setsJson(const NodeState& state) {
  Json items = Json::array();
  if (!state.loop.applied()) return itemsJson(std::move(items));
  for (const auto& [name, set] : state.loop.applied()->sets) {
    Json elements = Json::array();
    for (const auto& element : set.elements) elements.push_back(nft::print(element, set));
    Json item = Json::object();
    item["name"] = name;
    item["kind"] = kindText(set);
    item["type"] = keyType(set);
    item["interval"] = set.interval;
    item["size"] = set.size ? Json(*set.size) : Json(nullptr);
    item["comment"] = set.comment;
    item["elements"] = std::move(elements);
    items.push_back(std::move(item));
  }
  return itemsJson(std::move(items));
}

std::string rulesetJson(const NodeState& state) {
  Json json = Json::object();
  const auto& table = state.loop.applied();
  json["table"] = table ? Json(table->table) : Json(nullptr);
  json["text"] = table ? nft::print(*table) : "";
  return dump(json);
}

}  // namespace kpol::controller
