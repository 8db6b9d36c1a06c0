// SPDX-License-Identifier: Apache-2.0
#include "controller/node_network.hpp"

#include "base/async/asio.hpp"
#include "base/async/readable.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <chrono>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

// Changes that arrive within this time after a round are handled in one next round. It also limits
// the CPU time if another program and kpold overwrite each other's routes.
constexpr auto kNodeChangesGather = 20ms;
// The kernel reports when a conflicting route is removed, but other causes may be removed without a
// notification.
constexpr auto kFirstRetry = 1s;
constexpr auto kLongestRetry = 60s;

std::vector<base::IpAddress> othersAddresses(const std::map<std::string, policy::Node>& nodes,
                                             const std::string& own) {
  std::vector<base::IpAddress> addresses;
  for (const auto& [name, node] : nodes)
    if (name != own)
      addresses.insert(addresses.end(), node.internalIps.begin(), node.internalIps.end());
  std::sort(addresses.begin(), addresses.end());
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

}  // namespace

base::Task<> NodeNetwork::watch() {
  using netlink::RouteTopic;
  // Subscribe before the first read, so that no change between the two is missed.
  netlink::RouteEvents events(
      {RouteTopic::Links, RouteTopic::Addresses, RouteTopic::Routes, RouteTopic::Neighbours});
  base::Readable readable(co_await base::asio::this_coro::executor, events.fd());
  doubtful_ = true;
  observer_(netlink::Overflow{});
  for (;;) {
    if (doubtful_) wake_.notify();
    co_await readable.wait();
    for (const auto& event : events.read(Clock::now())) {
      if (kernel_.isNews(event)) doubtful_ = true;
      observer_(event);
    }
  }
}

bool NodeNetwork::isDue() const {
  if (!store_.synced()) return false;
  return doubtful_ || planned_ != store_.nodesGeneration() ||
         (retryAt_ && *retryAt_ <= Clock::now());
}

base::Task<> NodeNetwork::run() {
  doubtful_ = true;
  for (;;) {
    while (!isDue()) co_await wake_.waitUntil(retryAt_.value_or(base::Event::kNever));
    round();
    co_await base::sleepFor(kNodeChangesGather);
  }
}

void NodeNetwork::objectsChanged() {
  wake_.notify();
  if (planned_ || !store_.synced()) return;
  try {
    round();
  } catch (const base::Error& error) {
    base::logError("cannot update the node network", {{"error", error.what()}});
    doubtful_ = true;
  }
}

policy::NodeNetwork NodeNetwork::forTable() const {
  policy::NodeNetwork network;
  if (options_.masquerade) {
    network.masqueraded = plan_.own.podCidrs;
    network.sources = plan_.sources;
    network.notMasqueraded = options_.nonMasqueradeCidrs;
    for (const auto& [cidr, name] : plan_.holders) network.notMasqueraded.push_back(cidr);
  }
  if (plan_.device) {
    network.vxlanPort = plan_.device->port;
    network.nodes = plan_.nodeAddresses;
    network.tunnels = node::tunnelsOf(plan_);
    // Of the device that exists, because it could not be replaced by the planned one if steps
    // failed.
    const auto& held = kernel_.held();
    if (held && held->device) network.vxlanSourcePorts = held->device->vxlan.sourcePorts;
  }
  for (auto* prefixes : {&network.masqueraded, &network.notMasqueraded}) {
    std::sort(prefixes->begin(), prefixes->end());
    prefixes->erase(std::unique(prefixes->begin(), prefixes->end()), prefixes->end());
  }
  return network;
}

void NodeNetwork::round() {
  const auto start = Clock::now();
  const auto addresses = othersAddresses(store_.nodes(), settings_.nodeName);
  const bool isDoubt = std::exchange(doubtful_, false);
  const bool isRepair = isDoubt && planned_.has_value();
  if (isDoubt) kernel_.read();
  if (!planned_) adoptDevice();
  planned_ = store_.nodesGeneration();
  const auto& host = isDoubt ? kernel_.readHost(addresses) : kernel_.hostWith(addresses);
  plan_ = node::makePlan(settings_, store_.nodes(), host, plan_);
  // With routing `none` kpold removes its own routes and devices, even if its Node is not known.
  if (plan_.complete || settings_.routing == conf::Routing::None)
    report(kernel_.apply(plan_), {start, isRepair});
  if (plan_.complete) store_.setNetwork(forTable());
  if (plan_.complete && options_.checkPodAddresses) store_.setPodCidrs(plan_.holders);
  changed_();
}

// After a restart, the address of the device counts as the one in use.
void NodeNetwork::adoptDevice() {
  if (!kernel_.held() || !kernel_.held()->device) return;
  const auto& vxlan = kernel_.held()->device->vxlan;
  plan_.uplinkMtus[vxlan.local] = vxlan.mtu + node::vxlanOverhead(vxlan.local.family());
}

void NodeNetwork::report(const node::KernelNetwork::Outcome& outcome, Round round) {
  counters_.changes += outcome.changes;
  if (round.isRepair && outcome.changes > 0) ++counters_.repairs;
  const std::chrono::duration<double, std::milli> took = Clock::now() - round.start;
  if (outcome.changes > 0)
    base::logInfo(round.isRepair ? "node network repaired" : "node network updated",
                  {{"changes", outcome.changes},
                   {"routes", plan_.routes.size()},
                   {"fdb_entries", plan_.forwarding.size()},
                   {"took_ms", took.count()}});
  for (const auto& failure : outcome.failures)
    if (std::find(failures_.begin(), failures_.end(), failure) == failures_.end())
      base::logError("cannot update the node network", {{"error", failure}});
  failures_ = outcome.failures;
  retryAt_.reset();
  if (failures_.empty()) {
    failedRounds_ = 0;
    return;
  }
  const auto wait = kFirstRetry * (1U << std::min(failedRounds_++, 6U));
  retryAt_ = Clock::now() + std::min<Clock::duration>(wait, kLongestRetry);
}

std::optional<std::uint32_t> NodeNetwork::podMtu() const {
  if (settings_.mtu != 0) return settings_.mtu;
  if (settings_.routing == conf::Routing::None) return plan_.own.mtu;
  if (!plan_.complete) return std::nullopt;
  return plan_.own.mtu;
}

std::optional<node::VxlanPackets> NodeNetwork::vxlanPackets() const {
  if (!plan_.device) return std::nullopt;
  node::VxlanPackets packets{plan_.device->local.family(), plan_.device->port, {}};
  for (const auto& [name, addresses] : plan_.addresses)
    if (name != settings_.nodeName)
      for (const auto& address : addresses)
        if (address.family() == packets.family) packets.senders.push_back(address);
  return packets;
}

std::vector<policy::Diagnostic> NodeNetwork::diagnostics() const {
  auto all = plan_.diagnostics;
  for (const auto& failure : failures_)
    all.push_back({policy::Diagnostic::Severity::Error, "node network", "", failure});
  return all;
}

}  // namespace kpol::controller
