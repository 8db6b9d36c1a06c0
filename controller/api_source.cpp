// SPDX-License-Identifier: Apache-2.0
#include "controller/api_source.hpp"

#include "base/async/race.hpp"
#include "base/async/supervise.hpp"
#include "base/log.hpp"
#include "kube/api_error.hpp"

#include <algorithm>

namespace kpol::controller {
namespace {

using base::Task;
using kube::Kind;
using kube::Reflector;

// Namespaces and policies first: they are few, and the policies of a Pod depend on them.
constexpr std::array kWatchedKinds = {Kind::Namespace, Kind::NetworkPolicy, Kind::Node, Kind::Pod};
constexpr auto kPostPatience = std::chrono::seconds(10);
constexpr unsigned kUnauthorized = 401;

WatchStatus statusOf(const Reflector& reflector) {
  WatchStatus status;
  status.kind = toString(reflector.kind());
  status.state = toString(reflector.state());
  status.listed = reflector.listed();
  status.resourceVersion = reflector.resourceVersion();
  status.trouble = reflector.trouble();
  status.heardAt = reflector.heardAt();
  const auto& counters = reflector.counters();
  status.lists = counters.lists;
  status.watches = counters.watches;
  status.failures = counters.failures;
  status.events = counters.events;
  const auto& traffic = reflector.traffic();
  status.requests = traffic.requests;
  status.connections = traffic.connections;
  status.bytesReceived = traffic.bytesReceived;
  const auto& restarts = counters.restarts;
  status.watchRestarts = {{"ended", restarts.ended},
                          {"expired", restarts.expired},
                          {"refused", restarts.refused},
                          {"broken", restarts.broken},
                          {"wanted", restarts.wanted}};
  status.latency = {{"list", counters.listLatency}, {"watch", counters.watchLatency}};
  return status;
}

// Returns why the reflector did not catch up, or an empty string if it did.
Task<std::string> caughtUp(Reflector& reflector, base::Event::Time deadline) {
  std::string problem;
  try {
    const bool done = co_await reflector.catchUp(deadline);
    if (!done)
      problem = reflector.trouble().empty() ? "no complete list in time" : reflector.trouble();
  } catch (const base::Error& error) {
    problem = error.what();
  }
  co_return problem;
}

Task<std::string> inTime(Reflector& reflector, base::Event::Time deadline) {
  auto result = co_await base::unless(base::sleepUntil(deadline), caughtUp(reflector, deadline));
  std::string problem = std::move(result).value_or("no response in time");
  if (!problem.empty()) problem = std::string(toString(reflector.kind())) + ": " + problem;
  co_return problem;
}

// Reads the response, whose head has this status, to its end, so that the connection can be reused.
Task<unsigned> finish(kube::ApiClient& client, unsigned status) {
  for (;;) {
    const std::string_view bytes = co_await client.read(kPostPatience);
    if (bytes.empty()) break;
  }
  if (status == kUnauthorized) client.renewCredentials();
  co_return status;
}

}  // namespace

ApiSource::ApiSource(kube::ClusterConfig config, kube::ListWatch::Options options, Store& store,
                     std::function<void()> changed)
    : credentials_(std::move(config)), store_(store), changed_(std::move(changed)) {
  for (std::size_t i = 0; i < kWatchedKinds.size(); ++i) {
    Reflector::Listener listener{[this](kube::WatchEvent event) { store_.apply(event); },
                                 [this] { updated(); }};
    reflectors_[i] =
        std::make_unique<Reflector>(kWatchedKinds[i], credentials_, options, std::move(listener));
  }
}

void ApiSource::updated() {
  const bool all = std::ranges::all_of(
      reflectors_, [](const auto& reflector) { return reflector && reflector->listed(); });
  if (all && !store_.synced()) {
    const auto counts = store_.counts();
    base::logInfo("source synced", {{"pods", counts.pods},
                                    {"namespaces", counts.namespaces},
                                    {"policies", counts.networkPolicies},
                                    {"nodes", counts.nodes}});
    store_.markSynced();
  }
  changed_();
}

Task<> ApiSource::run() {
  co_await base::both(base::both(reflectors_[0]->run(), reflectors_[1]->run()),
                      base::both(reflectors_[2]->run(), reflectors_[3]->run()));
}

Task<unsigned> ApiSource::post(std::string path, std::string body) {
  const auto head = co_await poster_.post(std::move(path), std::move(body), kPostPatience);
  co_return co_await finish(poster_, head.status);
}

Task<unsigned> ApiSource::patch(std::string path, std::string body) {
  if (!patcher_) patcher_ = std::make_unique<kube::ApiClient>(credentials_);
  const auto head = co_await patcher_->patch(std::move(path), std::move(body), kPostPatience);
  co_return co_await finish(*patcher_, head.status);
}

Task<std::string> ApiSource::catchUp(base::Event::Time deadline) {
  std::array<std::optional<std::string>, kWatchedKinds.size()> problems;
  const auto caught = [&](std::size_t i) {
    return base::keep(inTime(*reflectors_[i], deadline), problems[i]);
  };
  auto first = base::both(caught(0), caught(1));
  auto second = base::both(caught(2), caught(3));
  co_await base::both(std::move(first), std::move(second));
  std::string all;
  for (const auto& problem : problems) {
    if (problem->empty()) continue;
    all += (all.empty() ? "" : "; ") + *problem;
  }
  co_return all;
}

std::vector<policy::Diagnostic> ApiSource::diagnostics() const {
  std::vector<policy::Diagnostic> all;
  for (const auto& reflector : reflectors_) {
    for (const auto& [id, diagnostics] : reflector->diagnostics())
      all.insert(all.end(), diagnostics.begin(), diagnostics.end());
    if (reflector->trouble().empty()) continue;
    all.push_back({policy::Diagnostic::Severity::Error,
                   {},
                   {},
                   "the watch failed, cached objects stay in effect (" +
                       std::string(toString(reflector->kind())) + "): " + reflector->trouble()});
  }
  std::ranges::sort(all);
  return all;
}

std::vector<WatchStatus> ApiSource::watches() const {
  std::vector<WatchStatus> all;
  for (const auto& reflector : reflectors_) all.push_back(statusOf(*reflector));
  return all;
}

std::string ApiSource::trouble() const {
  // Pods first, because callers most often need the error of the Pod watch.
  for (auto it = reflectors_.rbegin(); it != reflectors_.rend(); ++it)
    if (!(*it)->trouble().empty())
      return std::string(toString((*it)->kind())) + ": " + (*it)->trouble();
  return {};
}

}  // namespace kpol::controller
