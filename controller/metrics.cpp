// SPDX-License-Identifier: Apache-2.0
#include "controller/metrics.hpp"

#include <cstdint>

namespace kpol::controller {
namespace {

// One metric family: its header, then its samples.
class Family {
 public:
  Family(std::string& text, std::string name, const char* type, const char* help)
      : text_(text), name_(std::move(name)) {
    text_ += "# HELP " + name_ + " " + help + "\n# TYPE " + name_ + " " + type + "\n";
  }
  Family& sample(std::uint64_t value, const std::string& labels = {}) {
    return sample(std::to_string(value), labels);
  }
  Family& sample(const std::string& value, const std::string& labels = {}) {
    text_ += name_ + labels + " " + value + "\n";
    return *this;
  }

 private:
  std::string& text_;
  std::string name_;
};

void addCounters(const NodeState& state, std::string& text) {
  const auto& counters = state.loop.counters();
  const auto counter = [&](const char* name, const char* help, std::uint64_t value) {
    Family(text, name, "counter", help).sample(value);
  };
  counter("kpold_commits_total", "Commits that changed the table.", counters.commits);
  counter("kpold_commit_failures_total", "Commits refused by the kernel, and failures to ask it.",
          counters.failures);
  counter("kpold_batches_total", "Netlink transactions sent to nf_tables.",
          state.kernel.batchesSent());
  counter("kpold_audits_total", "Audits of the table.", counters.audits);
  counter("kpold_audit_drifts_total", "Audits that found the table changed by somebody else.",
          counters.drifts);
}

void addGauges(const NodeState& state, std::string& text) {
  const auto gauge = [&](const char* name, const char* help, std::uint64_t value) {
    Family(text, name, "gauge", help).sample(value);
  };
  const auto counts = state.store.counts();
  Family(text, "kpold_objects", "gauge", "Objects known from the source.")
      .sample(counts.namespaces, R"({kind="Namespace"})")
      .sample(counts.networkPolicies, R"({kind="NetworkPolicy"})")
      .sample(counts.nodes, R"({kind="Node"})")
      .sample(counts.pods, R"({kind="Pod"})");
  gauge("kpold_attachments", "Pod interfaces registered by the CNI plugin.",
        state.store.attachments().size());
  gauge("kpold_diagnostics", "Things that could not be taken as written.",
        diagnosticsOf(state).size());
  gauge("kpold_refused_profiles",
        "Sets of policies that the kernel refuses; their pods are isolated.",
        state.loop.refusedProfiles());
  const auto size = tableSizeOf(state);
  gauge("kpold_chains", "Chains in the table.", size.chains);
  gauge("kpold_rules", "Rules in the table.", size.rules);
  gauge("kpold_sets", "Sets and maps in the table.", size.sets);
  gauge("kpold_elements", "Elements in the table's sets and maps.", size.elements);
  gauge("kpold_table_owned", "1 when the table belongs to this process.",
        state.kernel.owned() ? 1 : 0);
  gauge("kpold_in_sync", "1 when the kernel holds everything kpold knows.",
        state.loop.inSync() ? 1 : 0);
  gauge("kpold_ready", "1 once the first policy is in the kernel.", isReady(state) ? 1 : 0);
}

// How the API server is followed, by kind; nothing where the source is none.
void addWatches(const NodeState& state, std::string& text) {
  const auto watches = state.objects.watches();
  if (watches.empty()) return;
  const auto family = [&](const char* name, const char* type, const char* help, auto value) {
    Family samples(text, name, type, help);
    for (const auto& watch : watches) samples.sample(value(watch), "{kind=\"" + watch.kind + "\"}");
  };
  const auto counter = [&](const char* name, const char* help, std::uint64_t WatchStatus::*value) {
    family(name, "counter", help, [value](const WatchStatus& watch) { return watch.*value; });
  };
  counter("kpold_api_lists_total", "Lists, or pages of lists, begun.", &WatchStatus::lists);
  counter("kpold_api_watches_total", "Watches begun.", &WatchStatus::watches);
  counter("kpold_api_failures_total", "Requests and watches that failed.", &WatchStatus::failures);
  counter("kpold_api_objects_total", "Objects told by lists and watches.", &WatchStatus::events);
  counter("kpold_api_requests_total", "Requests answered.", &WatchStatus::requests);
  counter("kpold_api_connections_total", "Connections tried.", &WatchStatus::connections);
  counter("kpold_api_received_bytes_total", "Bytes received.", &WatchStatus::bytesReceived);
  family("kpold_api_request_seconds_total", "counter",
         "Time from requests to the heads of their answers.", [](const WatchStatus& watch) {
           return std::to_string(std::chrono::duration<double>(watch.latency).count());
         });
  family("kpold_api_followed", "gauge", "1 while the kind's state at the server is followed.",
         [](const WatchStatus& watch) -> std::uint64_t {
           return watch.listed && watch.trouble.empty() ? 1 : 0;
         });
}

}  // namespace

std::string metricsText(const NodeState& state) {
  std::string text;
  addCounters(state, text);
  addGauges(state, text);
  addWatches(state, text);
  return text;
}

}  // namespace kpol::controller
