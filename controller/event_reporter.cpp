// SPDX-License-Identifier: Apache-2.0
#include "controller/event_reporter.hpp"

#include "base/async/asio.hpp"
#include "base/log.hpp"

#include <array>
#include <string_view>

namespace kpol::controller {
namespace {

using Clock = EventQueue::Clock;

constexpr Clock::duration kPeriod = std::chrono::seconds(1);
constexpr Clock::duration kPause = std::chrono::milliseconds(100);  // while events wait
constexpr unsigned kTooMany = 429;
constexpr unsigned kServerError = 500;

struct Known {
  std::string_view kind;
  const char* apiVersion;
  const char* reason;
};
constexpr std::array kEventKinds{
    Known{"NetworkPolicy", "networking.k8s.io/v1", "PolicyNotEnforced"},
    Known{"Pod", "v1", "PodNotUnderstood"},
    Known{"Namespace", "v1", "NamespaceNotUnderstood"},
    Known{"Node", "v1", "NodeNotUnderstood"},
};

base::ObjectKey keyOf(std::string_view name) {
  const auto slash = name.find('/');
  if (slash == name.npos) return {"", std::string(name)};
  return {std::string(name.substr(0, slash)), std::string(name.substr(slash + 1))};
}

// Parses "NetworkPolicy shop/web"; nullopt if it does not name an object of the cluster.
std::optional<ClusterEvent> eventAbout(std::string_view object) {
  const auto space = object.find(' ');
  for (const auto& known : kEventKinds)
    if (object.substr(0, space) == known.kind && space != object.npos)
      return ClusterEvent{
          ClusterEvent::Type::Warning,     known.apiVersion, std::string(known.kind),
          keyOf(object.substr(space + 1)), known.reason,     ""};
  return std::nullopt;
}

}  // namespace

std::vector<ClusterEvent> eventsOf(const std::vector<policy::Diagnostic>& diagnostics) {
  std::vector<ClusterEvent> events;
  for (const auto& diagnostic : diagnostics) {
    if (diagnostic.severity != policy::Diagnostic::Severity::Error) continue;
    auto event = eventAbout(diagnostic.object);
    if (!event) continue;
    event->message = diagnostic.field + (diagnostic.field.empty() ? "" : ": ") + diagnostic.message;
    events.push_back(std::move(*event));
  }
  return events;
}

std::vector<ClusterEvent> eventsOf(const std::vector<node::FirewallFinding>& findings,
                                   const std::string& nodeName) {
  std::vector<ClusterEvent> events;
  for (const auto& finding : findings)
    events.push_back({ClusterEvent::Type::Warning,
                      "v1",
                      "Node",
                      {"", nodeName},
                      "HostFirewallDropsPods",
                      toString(finding)});
  return events;
}

std::vector<ClusterEvent> eventsOf(const CniConfig::Status& status, const std::string& nodeName) {
  if (status.shadowedBy.empty()) return {};
  return {{ClusterEvent::Type::Warning,
           "v1",
           "Node",
           {"", nodeName},
           "OtherNetworkConfigUsed",
           status.shadowedBy + " " + CniConfig::describeShadow(status)}};
}

void EventReporter::gather() {
  const auto now = Clock::now();
  for (const auto& event : eventsOf(diagnosticsOf(state_))) queue_.add(event, now);
  for (const auto& event : eventsOf(state_.hostFirewalls.findings(), state_.nodeName))
    queue_.add(event, now);
  for (const auto& event : eventsOf(state_.cniConfig.status(), state_.nodeName))
    queue_.add(event, now);
  const auto drifts = state_.loop.counters().drifts;
  if (std::exchange(drifts_, drifts) == drifts) return;
  queue_.add({ClusterEvent::Type::Warning,
              "v1",
              "Node",
              {"", state_.nodeName},
              "TableRepaired",
              "a third party changed the nftables table inet kpol; kpold repaired it"},
             now);
}

base::Task<> EventReporter::send(ClusterEvent event) {
  std::string failure;
  unsigned status = 0;
  try {
    std::string path = pathOf(event);
    std::string body = bodyOf(event, state_.nodeName, std::chrono::system_clock::now());
    status = co_await source_.post(std::move(path), std::move(body));
    if (status == kTooMany || status >= kServerError)
      failure = "the API server returned " + std::to_string(status);
  } catch (const base::Error& error) {
    failure = error.what();
  }
  if (!failure.empty()) {
    queue_.failed(Clock::now());
  } else {
    const bool taken = status < 300;
    if (!taken) failure = "the API server returned " + std::to_string(status);
    queue_.settled(taken, Clock::now());
  }
  if (!failure.empty() && !logged_)
    base::logWarn("cannot create Events, see kpolctl status", {{"error", failure}});
  logged_ = !failure.empty();
}

base::Task<> EventReporter::run() {
  for (;;) {
    gather();
    while (auto event = queue_.due(Clock::now())) co_await send(std::move(*event));
    const auto pause = queue_.isEmpty() ? kPeriod : kPause;
    co_await base::sleepFor(pause);
  }
}

}  // namespace kpol::controller
