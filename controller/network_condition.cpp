// SPDX-License-Identifier: Apache-2.0
#include "controller/network_condition.hpp"

#include "base/async/asio.hpp"
#include "base/log.hpp"
#include "controller/cluster_event.hpp"

#include <algorithm>
#include <chrono>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;

constexpr auto kConditionPeriod = 1s;
// The node lifecycle controller removes the taint a moment after the condition has changed.
constexpr std::chrono::seconds kFirstWait = 10s;
constexpr std::chrono::seconds kLongestWait = 300s;

}  // namespace

bool NetworkCondition::isDue() const {
  const auto& nodes = state_.store.nodes();
  const auto own = nodes.find(state_.nodeName);
  if (own == nodes.end() || !own->second.networkUnavailable) return false;
  const auto& cni = state_.cniConfig.status();
  return isReady(state_) && state_.network.plan().complete && (cni.file.empty() || cni.written);
}

base::Task<> NetworkCondition::clear() {
  std::string failure;
  try {
    std::string path = "/api/v1/nodes/" + state_.nodeName + "/status";
    std::string body = networkAvailablePatch(std::chrono::system_clock::now());
    const unsigned status = co_await source_.patch(std::move(path), std::move(body));
    if (status >= 300) failure = "the API server returned " + std::to_string(status);
  } catch (const base::Error& error) {
    failure = error.what();
  }
  if (failure.empty())
    base::logInfo("node condition NetworkUnavailable set to False", {{"node", state_.nodeName}});
  else if (failure != failure_)
    base::logWarn("cannot clear the node condition NetworkUnavailable", {{"error", failure}});
  failure_ = std::move(failure);
}

base::Task<> NetworkCondition::run() {
  auto wait = kFirstWait;
  for (;;) {
    if (!isDue()) {
      wait = kFirstWait;
      co_await base::sleepFor(kConditionPeriod);
      continue;
    }
    co_await clear();
    co_await base::sleepFor(wait);
    wait = std::min(2 * wait, kLongestWait);
  }
}

}  // namespace kpol::controller
