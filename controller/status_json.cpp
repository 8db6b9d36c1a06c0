// SPDX-License-Identifier: Apache-2.0
#include "controller/status_json.hpp"

#include "controller/json_text.hpp"

#include <nlohmann/json.hpp>

namespace kpol::controller {
namespace {

std::int64_t unixSeconds(std::chrono::system_clock::time_point time) {
  return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count();
}

Json toJson(const std::vector<policy::Diagnostic>& diagnostics) {
  Json list = Json::array();
  for (const auto& diagnostic : diagnostics) {
    const bool isError = diagnostic.severity == policy::Diagnostic::Severity::Error;
    list.push_back({{"severity", isError ? "error" : "warning"},
                    {"object", diagnostic.object},
                    {"field", diagnostic.field},
                    {"message", diagnostic.message}});
  }
  return list;
}

Json objectsJson(const NodeState& state) {
  const auto counts = state.store.counts();
  return {{"pods", counts.pods},
          {"namespaces", counts.namespaces},
          {"networkPolicies", counts.networkPolicies},
          {"nodes", counts.nodes}};
}

Json tableJson(const NodeState& state) {
  const auto size = tableSizeOf(state);
  Json table{{"name", state.loop.committed() ? nft::Ruleset().table : ""},
             {"owned", state.kernel.owned()},
             {"held", state.holder.held()},
             {"chains", size.chains},
             {"rules", size.rules},
             {"sets", size.sets},
             {"elements", size.elements}};
  if (const auto owner = state.kernel.foreignOwner()) table["foreignOwner"] = *owner;
  return table;
}

Json commitsJson(const NodeState& state) {
  const auto& counters = state.loop.counters();
  return {{"total", counters.commits},
          {"failures", counters.failures()},
          {"batches", state.kernel.batchesSent()},
          {"audits", counters.audits},
          {"drifts", counters.drifts}};
}

Json faultJson(const NodeState& state) {
  const auto& fault = state.loop.fault();
  if (!fault) return nullptr;
  return {{"message", fault->message}, {"at", unixSeconds(fault->at)}};
}

// Null if no network config is configured.
Json cniConfigJson(const NodeState& state) {
  const auto& cni = state.cniConfig.status();
  if (cni.file.empty()) return nullptr;
  return {{"file", cni.file},
          {"written", cni.written},
          {"trouble", cni.trouble},
          {"shadowedBy", cni.shadowedBy}};
}

// The routes to the pods of other nodes.
Json networkJson(const NodeState& state) {
  const auto& plan = state.network.plan();
  const auto& counters = state.network.counters();
  Json peers = Json::array();
  for (const auto& peer : plan.peers)
    peers.push_back({{"node", peer.node},
                     {"podCIDR", toString(peer.cidr)},
                     {"how", toString(peer.how)},
                     {"via", peer.via ? Json(toString(*peer.via)) : Json()},
                     {"link", peer.link}});
  Json podCidrs = Json::array();
  for (const auto& cidr : plan.own.podCidrs) podCidrs.push_back(toString(cidr));
  Json json{{"routing", toString(state.network.settings().routing)},
            {"podCIDRs", std::move(podCidrs)},
            {"mtu", state.network.podMtu().value_or(0)},
            {"changes", counters.changes},
            {"repairs", counters.repairs},
            {"peers", std::move(peers)}};
  if (plan.device)
    json["vxlan"] = {{"device", plan.device->name.text()},
                     {"id", plan.device->id},
                     {"port", plan.device->port},
                     {"local", toString(plan.device->local)},
                     {"mtu", plan.device->mtu}};
  return json;
}

Json establishedJson(const NodeState& state) {
  const auto& counters = state.revoker.counters();
  return {{"mode", toString(state.revoker.mode())},
          {"cut", counters.cut},
          {"restored", counters.restored},
          {"failed", counters.failed},
          {"reviews", counters.reviews},
          {"lastReviewSeconds", counters.lastSeconds},
          {"reviewPending", state.revoker.pending()}};
}

Json hostFirewallsJson(const NodeState& state) {
  Json list = Json::array();
  for (const auto& finding : state.hostFirewalls.findings())
    list.push_back({{"where", finding.where},
                    {"effect", finding.effect},
                    {"certain", finding.certain},
                    {"remedy", finding.remedy}});
  return list;
}

// The watches by kind; empty if the source is not an API server.
Json watchesJson(const NodeState& state) {
  Json list = Json::array();
  for (const auto& watch : state.objects.watches()) {
    Json json{{"kind", watch.kind},
              {"state", watch.state},
              {"listed", watch.listed},
              {"resourceVersion", watch.resourceVersion},
              {"trouble", watch.trouble},
              {"lists", watch.lists},
              {"watches", watch.watches},
              {"failures", watch.failures},
              {"events", watch.events},
              {"requests", watch.requests},
              {"connections", watch.connections},
              {"bytesReceived", watch.bytesReceived}};
    json["heardAt"] = watch.heardAt ? Json(unixSeconds(*watch.heardAt)) : Json();
    list.push_back(std::move(json));
  }
  return list;
}

}  // namespace

std::string statusJson(const NodeState& state) {
  const auto& committed = state.loop.committed();
  return dump({{"ready", isReady(state)},
               {"inSync", state.loop.inSync()},
               {"version", state.version},
               {"node", state.nodeName},
               {"source", state.source},
               {"startedAt", unixSeconds(state.startedAt)},
               {"sourceSynced", state.store.synced()},
               {"state", toString(state.loop.state())},
               {"generation", state.store.generation()},
               {"committedGeneration", committed ? committed->generation : 0},
               {"objects", objectsJson(state)},
               {"attachments", state.store.attachments().size()},
               {"endpoints", committed ? committed->endpoints : 0},
               {"unattachedPods", state.store.unattached().size()},
               {"table", tableJson(state)},
               {"commits", commitsJson(state)},
               {"watches", watchesJson(state)},
               {"cniConfig", cniConfigJson(state)},
               {"network", networkJson(state)},
               {"established", establishedJson(state)},
               {"hostFirewalls", hostFirewallsJson(state)},
               {"fault", faultJson(state)},
               {"diagnostics", toJson(diagnosticsOf(state))}});
}

std::string generationJson(std::uint64_t generation) {
  return dump(Json::object({{"generation", generation}}));
}

std::string syncJson(std::uint64_t generation, const std::string& error,
                     const std::vector<policy::Diagnostic>& diagnostics) {
  Json body = Json::object();
  if (error.empty())
    body["generation"] = generation;
  else
    body["error"] = error;
  body["diagnostics"] = toJson(diagnostics);
  return dump(body);
}

}  // namespace kpol::controller
