// SPDX-License-Identifier: Apache-2.0
#include "controller/metrics.hpp"

#include "controller/api_metrics.hpp"
#include "controller/process_metrics.hpp"
#include "controller/third_party_pods.hpp"
#include "ipam/lease_store.hpp"
#include "ipam/range_use.hpp"
#include "nft/kernel.hpp"

#include <array>
#include <optional>

namespace kpol::controller {
namespace {

using Cause = policy::Denial::Cause;

// Limits the time series: a node may have as many profiles as it has different pods.
constexpr std::size_t kMostProfiles = 100;

// A scrape reads the kernel's counters and the journal of leases, on the thread that enforces.
constexpr std::chrono::seconds kFresh{1};

const char* wordOf(Cause cause) {
  switch (cause) {
    case Cause::Ingress: return "ingress";
    case Cause::Egress: return "egress";
    case Cause::UnknownEndpoint: return "unknown-endpoint";
    case Cause::Metadata: return "metadata";
    case Cause::Revoked: return "revoked";
  }
  return "";
}

const char* familyOf(const base::Prefix& subnet) {
  return subnet.address().family() == base::Family::V4 ? "ipv4" : "ipv6";
}

// Counts a failed read; the next scrape reads again.
template <class Read>
auto ifReadable(Read read, std::uint64_t& unreadable) -> std::optional<decltype(read())> {
  try {
    return read();
  } catch (const base::Error&) {
    ++unreadable;
    return std::nullopt;
  }
}

}  // namespace

void Metrics::addState(Exposition& exposition) const {
  exposition.gauge("kpold_build_info", "The running version; always 1.")
      .sample(std::uint64_t{1}, {{"version", state_.version}});
  exposition.gauge("kpold_ready", "1 after the first commit.")
      .sample(std::uint64_t{isReady(state_)});
  exposition.gauge("kpold_in_sync", "1 when the kernel enforces everything that kpold knows.")
      .sample(std::uint64_t{state_.loop.inSync()});
  const auto counts = state_.store.counts();
  exposition.gauge("kpold_objects", "Objects received from the source.")
      .sample(counts.namespaces, {{"kind", "Namespace"}})
      .sample(counts.networkPolicies, {{"kind", "NetworkPolicy"}})
      .sample(counts.nodes, {{"kind", "Node"}})
      .sample(counts.pods, {{"kind", "Pod"}});
  exposition.gauge("kpold_diagnostics", "Errors and warnings that kpolctl status shows.")
      .sample(diagnosticsOf(state_).size());
}

void Metrics::addTable(Exposition& exposition) const {
  const auto size = tableSizeOf(state_);
  exposition.gauge("kpold_chains", "Chains in the table.").sample(size.chains);
  exposition.gauge("kpold_rules", "Rules in the table.").sample(size.rules);
  exposition.gauge("kpold_sets", "Sets and maps in the table.").sample(size.sets);
  exposition.gauge("kpold_elements", "Elements in the table's sets and maps.")
      .sample(size.elements);
  exposition.gauge("kpold_table_owned", "1 when no process but kpold can change the table.")
      .sample(std::uint64_t{state_.kernel.owned()});
  exposition
      .gauge("kpold_table_held",
             "1 when a holder (kpold hold) keeps the table owned while kpold does not run.")
      .sample(std::uint64_t{state_.holder.held()});
  exposition
      .gauge("kpold_refused_profiles", "Profiles that the kernel rejects; their pods are isolated.")
      .sample(state_.loop.refusedProfiles());
  exposition
      .gauge("kpold_oversized_profiles",
             "Profiles whose policies are too large; their pods are isolated.")
      .sample(state_.loop.oversizedProfiles());
}

void Metrics::addCommits(Exposition& exposition) const {
  const auto& counters = state_.loop.counters();
  exposition.counter("kpold_commits_total", "Commits that changed the table.")
      .sample(counters.commits);
  exposition
      .counter("kpold_commit_failures_total",
               "Failed commits, by reason: change refused by the kernel, error while sending it, "
               "or failure to read the table.")
      .sample(counters.refused, {{"reason", "refused"}})
      .sample(counters.unasked, {{"reason", "error"}})
      .sample(counters.unread, {{"reason", "read"}});
  exposition
      .histogram("kpold_commit_duration_seconds",
                 "Time to compute a change of the table and commit it.")
      .sample(state_.loop.commitDuration());
  exposition
      .histogram("kpold_event_to_kernel_duration_seconds",
                 "Time from a change of an object or attachment in kpold's store to its commit.")
      .sample(state_.loop.eventLatency());
  exposition.counter("kpold_batches_total", "Netlink transactions sent to nf_tables.")
      .sample(state_.kernel.batchesSent());
  exposition.counter("kpold_audits_total", "Audits of the table.").sample(counters.audits);
  exposition
      .counter("kpold_table_repairs_total",
               "Repairs of the table after a change by another process.")
      .sample(counters.drifts);
}

void Metrics::addEstablished(Exposition& exposition) const {
  const auto& counters = state_.revoker.counters();
  exposition.counter("kpold_cut_flows_total", "Established flows cut by a later change.")
      .sample(counters.cut);
  exposition
      .counter("kpold_restored_flows_total", "Cut flows that a still later change allowed again.")
      .sample(counters.restored);
  exposition
      .counter("kpold_unchanged_flows_total",
               "Established flows that the kernel did not let kpold cut or restore.")
      .sample(counters.failed);
  exposition
      .counter("kpold_flow_reviews_total",
               "Reviews of established flows after changes that may forbid or allow some.")
      .sample(counters.reviews);
  exposition.gauge("kpold_flow_review_seconds", "Duration of the last review.")
      .sample(counters.lastSeconds);
}

void Metrics::addPods(Exposition& exposition) {
  exposition.gauge("kpold_attachments", "Pod interfaces registered by the CNI plugin.")
      .sample(state_.store.attachments().size());
  exposition
      .gauge("kpold_unattached_pods",
             "Pods of this node that the CNI plugin did not register; policies apply to their "
             "addresses only.")
      .sample(state_.store.unattached().size());
  auto bridges = exposition.gauge("kpold_unfiltered_bridges",
                                  "Bridges of pods between whose ports policies do not apply.");
  if (const auto names =
          ifReadable([this] { return unfilteredBridges(state_.store); }, unreadable_.bridges))
    bridges.sample(names->size());
  const auto& counters = podStart_.counters();
  exposition.counter("kpold_pod_starts_total", "Registrations by the plugin, by outcome.")
      .sample(counters.duration.count(), {{"outcome", "enforced"}})
      .sample(counters.conflicts, {{"outcome", "conflict"}})
      .sample(counters.timeouts, {{"outcome", "timeout"}});
  exposition
      .histogram("kpold_pod_start_duration_seconds",
                 "Time from the plugin's request to the commit of the pod's policy.")
      .sample(counters.duration);
}

void Metrics::addNetwork(Exposition& exposition) const {
  const auto& counters = state_.network.counters();
  exposition
      .gauge("kpold_node_network_peers", "Pod CIDRs of other nodes, including unreachable ones.")
      .sample(state_.network.plan().peers.size());
  exposition
      .counter("kpold_node_network_changes_total", "Changes made to the network between nodes.")
      .sample(counters.changes);
  exposition
      .counter("kpold_node_network_repairs_total",
               "Repairs of the network between nodes after a change by another process.")
      .sample(counters.repairs);
}

void Metrics::addDenied(Exposition& exposition) {
  const auto counters =
      ifReadable([this] { return state_.kernel.readCounters(); }, unreadable_.counters);
  auto packets = exposition.counter("kpold_denied_packets_total", "Packets dropped, by reason.");
  if (counters) denied_.take(*counters);
  if (counters)
    for (const auto cause :
         {Cause::Ingress, Cause::Egress, Cause::UnknownEndpoint, Cause::Metadata, Cause::Revoked})
      packets.sample(denied_.of(cause), {{"reason", wordOf(cause)}});
  auto profiles = exposition.counter(
      "kpold_profile_denied_packets_total",
      "Packets dropped by the profiles that dropped most; a profile is a chain of the table.");
  if (!counters) return;
  for (const auto& profile : denied_.worst(kMostProfiles))
    profiles.sample(profile.packets, {{"direction", wordOf(profile.denial.cause)},
                                      {"profile", profile.denial.profile}});
}

void Metrics::addAddresses(Exposition& exposition) {
  const auto book = ifReadable([this] { return ipam::readLeases(stateDir_); }, unreadable_.leases);
  auto addresses =
      exposition.gauge("kpold_ipam_addresses", "Addresses of the plugin's ranges, by state.");
  if (!book) return;
  for (const auto& use : ipam::rangeUseOf(*book)) {
    Exposition::Labels labels{{"network", use.network},
                              {"range", toString(use.range.subnet)},
                              {"first", toString(use.range.first)},
                              {"family", familyOf(use.range.subnet)},
                              {"state", "free"}};
    addresses.sample(use.size - use.used, labels);
    labels.back().second = "used";
    addresses.sample(use.used, labels);
  }
}

const std::string& Metrics::text(std::chrono::steady_clock::time_point now) {
  if (!madeAt_ || now - *madeAt_ >= kFresh) {
    text_ = make();
    madeAt_ = now;
  }
  return text_;
}

std::string Metrics::make() {
  Exposition exposition;
  addState(exposition);
  addTable(exposition);
  addCommits(exposition);
  addEstablished(exposition);
  addPods(exposition);
  addNetwork(exposition);
  addDenied(exposition);
  addAddresses(exposition);
  exposition.counter("kpold_unreadable_total", "Failed reads of values for metrics.")
      .sample(unreadable_.bridges, {{"what", "bridges"}})
      .sample(unreadable_.counters, {{"what", "counters"}})
      .sample(unreadable_.leases, {{"what", "leases"}});
  addApi(state_.objects.watches(), exposition);
  addProcess(state_.startedAt, exposition);
  return exposition.text();
}

}  // namespace kpol::controller
