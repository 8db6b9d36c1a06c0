// SPDX-License-Identifier: Apache-2.0
#include "controller/host_firewalls.hpp"

#include "base/async/asio.hpp"
#include "base/async/event.hpp"
#include "base/error.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <chrono>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;

// Polled: nf_tables would notify each change, but kpold's own too and at a cost for every commit,
// and legacy iptables sends no notifications.
constexpr auto kFirewallCheckInterval = 30s;

}  // namespace

base::Task<> HostFirewalls::run() {
  while (!loop_.committed()) co_await loop_.progress().waitUntil(base::Event::kNever);
  for (;;) {
    look();
    co_await base::sleepFor(kFirewallCheckInterval);
  }
}

void HostFirewalls::look() {
  const auto* self = store_.findNode(nodeName_);
  try {
    auto found =
        node::judge(node::readHostFirewalls(),
                    self == nullptr ? std::vector<base::Prefix>() : self->podCidrs, vxlan_());
    report(found);
    findings_ = std::move(found);
    trouble_.clear();
  } catch (const base::Error& error) {
    const std::string why =
        std::string("cannot check whether other filters drop packets of pods: ") + error.what();
    if (why != trouble_) base::logWarn("cannot read host firewalls", {{"error", error.what()}});
    trouble_ = why;
  }
}

void HostFirewalls::report(const std::vector<node::FirewallFinding>& found) const {
  for (const auto& finding : found)
    if (!std::binary_search(findings_.begin(), findings_.end(), finding))
      base::logWarn(
          finding.certain ? "host firewall drops packets of pods"
                          : "host firewall may drop packets of pods",
          {{"where", finding.where}, {"effect", finding.effect}, {"remedy", finding.remedy}});
  for (const auto& finding : findings_)
    if (!std::binary_search(found.begin(), found.end(), finding))
      base::logInfo("host firewall no longer drops packets of pods",
                    {{"where", finding.where}, {"effect", finding.effect}});
}

}  // namespace kpol::controller
