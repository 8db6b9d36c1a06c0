// SPDX-License-Identifier: Apache-2.0
#include "controller/settler.hpp"

#include "base/async/asio.hpp"
#include "base/log.hpp"
#include "ipam/departures.hpp"
#include "netlink/conntrack.hpp"
#include "netlink/error.hpp"

#include <boost/asio/thread_pool.hpp>

#include <chrono>
#include <utility>
#include <vector>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using Remarks = std::vector<std::string>;

// Pods tend to end at the same time, and deleting several links together takes as long as deleting
// one.
constexpr auto kReleasesGather = 50ms;

// Runs on the worker's thread.
base::Task<Remarks> settle(std::string stateDir, std::vector<base::IpAddress> addresses) {
  Remarks remarks;
  try {
    netlink::forgetFlows(addresses);
  } catch (const netlink::Error& error) {
    remarks.push_back(std::string("cannot delete conntrack entries, they remain until they time "
                                  "out: ") +
                      error.what());
  }
  ipam::settleDepartures(stateDir, [&](const std::string& remark) { remarks.push_back(remark); });
  co_return remarks;
}

}  // namespace

Settler::Settler(std::string stateDir)
    : stateDir_(std::move(stateDir)), worker_(std::make_unique<base::asio::thread_pool>(1)) {}
Settler::~Settler() = default;

base::Task<> Settler::run() {
  requested_ = true;  // also when run() starts again after a failure
  for (;;) {
    while (!requested_) co_await event_.waitUntil(base::Event::kNever);
    co_await base::sleepFor(kReleasesGather);
    requested_ = false;
    auto work = settle(stateDir_, std::exchange(addresses_, {}));
    const Remarks remarks =
        co_await base::asio::co_spawn(*worker_, std::move(work), base::asio::use_awaitable);
    for (const auto& remark : remarks)
      base::logWarn("release of addresses incomplete", {{"error", remark}});
  }
}

}  // namespace kpol::controller
