// SPDX-License-Identifier: Apache-2.0
#include "controller/third_party_pods.hpp"

#include "base/async/asio.hpp"
#include "base/async/event.hpp"
#include "base/error.hpp"
#include "base/log.hpp"
#include "netlink/forwarding.hpp"
#include "netlink/route_socket.hpp"

#include <algorithm>
#include <chrono>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using policy::Diagnostic;

constexpr auto kThirdPartyCheckInterval = 30s;
constexpr auto kThirdPartyPause = 1s;

bool isThirdParty(const policy::Endpoint& endpoint) {
  return !endpoint.hostInterface || !endpoint.hostInterface->text().starts_with("kpol");
}

std::vector<policy::Endpoint> thirdPartyEndpoints(const Store& store) {
  auto endpoints = store.unattached();
  for (const auto& [id, attachment] : store.attachments())
    if (auto endpoint = endpointOf(attachment); isThirdParty(endpoint))
      endpoints.push_back(std::move(endpoint));
  return endpoints;
}

// The bridge that the endpoint's interface is a port of; without an interface, the bridge to which
// the node routes its address.
std::optional<netlink::Link> bridgeOf(const policy::Endpoint& endpoint,
                                      netlink::RouteSocket& node) {
  std::optional<netlink::Link> link;
  if (endpoint.hostInterface) {
    const auto port = node.findLink(*endpoint.hostInterface);
    if (port && port->master) link = node.findLink(*port->master);
  } else if (const auto hop = node.hopTo(endpoint.ips.front())) {
    link = node.findLink(hop->link);
  }
  return link && link->kind == "bridge" ? link : std::nullopt;
}

std::set<std::string> bridgesOf(const std::vector<policy::Endpoint>& endpoints) {
  std::set<std::string> bridges;
  netlink::RouteSocket node;
  for (const auto& endpoint : endpoints)
    if (const auto bridge = bridgeOf(endpoint, node)) bridges.insert(bridge->name.text());
  return bridges;
}

void addUnattached(const Store& store, std::vector<Diagnostic>& all) {
  const auto pods = store.unattached();
  for (const auto& endpoint : pods) {
    if (all.size() == kMostNamedPods) break;
    all.push_back(
        {Diagnostic::Severity::Warning, "Pod " + toString(endpoint.pod), "",
         "was not registered by the CNI plugin: policies apply to its addresses, but its "
         "source address is not checked; delete the pod so that it starts again with kpol"});
  }
  if (pods.size() > kMostNamedPods)
    all.push_back({Diagnostic::Severity::Warning, "", "",
                   std::to_string(pods.size() - kMostNamedPods) +
                       " more pods were not registered by the CNI plugin"});
}

void addUnfiltered(const Store& store, std::vector<Diagnostic>& all) {
  for (const auto& bridge : unfilteredBridges(store))
    all.push_back({Diagnostic::Severity::Warning, "bridge " + bridge, "",
                   "policies do not apply between its pods: load the module br_netfilter and run "
                   "sysctl -w net.bridge.bridge-nf-call-iptables=1 "
                   "net.bridge.bridge-nf-call-ip6tables=1"});
}

}  // namespace

std::set<std::string> unfilteredBridges(const Store& store) {
  const auto endpoints = thirdPartyEndpoints(store);
  if (endpoints.empty() || netlink::filtersBridges()) return {};
  return bridgesOf(endpoints);
}

std::vector<Diagnostic> thirdPartyPodDiagnostics(const Store& store) {
  std::vector<Diagnostic> all;
  addUnattached(store, all);
  try {
    addUnfiltered(store, all);
  } catch (const base::Error& error) {
    all.push_back({Diagnostic::Severity::Warning, "", "",
                   std::string("cannot check the bridges of pods: ") + error.what()});
  }
  std::ranges::sort(all);
  return all;
}

base::Task<> ThirdPartyPods::run() {
  while (!loop_.committed()) co_await loop_.progress().waitUntil(base::Event::kNever);
  for (;;) {
    look();
    co_await base::sleepFor(kThirdPartyPause);
    const auto due = std::chrono::steady_clock::now() + kThirdPartyCheckInterval;
    co_await loop_.progress().waitUntil(due);
  }
}

void ThirdPartyPods::look() {
  auto found = thirdPartyPodDiagnostics(store_);
  for (const auto& one : found)
    if (!std::ranges::binary_search(known_, one))
      base::logWarn("policies do not fully apply",
                    {{"object", one.object}, {"reason", one.message}});
  for (const auto& one : known_)
    if (!std::ranges::binary_search(found, one))
      base::logInfo("policies apply again", {{"object", one.object}});
  known_ = std::move(found);
}

}  // namespace kpol::controller
