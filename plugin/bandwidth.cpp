// SPDX-License-Identifier: Apache-2.0
#include "plugin/bandwidth.hpp"

#include "conf/cni_error.hpp"
#include "ipam/departures.hpp"

#include <linux/if_ether.h>

#include <algorithm>
#include <cerrno>
#include <limits>

namespace kpol::plugin {
namespace {

using netlink::Link;
using netlink::RouteSocket;

constexpr std::uint64_t kLatencyMilliseconds = 25;
constexpr std::uint64_t kMostQueuedOfBurst = 128 * 1024;  // two 64 KiB GSO packets

constexpr const char* kNeedsKernel =
    "the kernel must support sch_tbf, and for an egress limit also ifb, sch_ingress, cls_u32 and "
    "act_mirred";

// A pod must not start without its limits. The kernel's error alone is not clear enough.
template <class Step>
auto needing(const std::string& what, const Step& step) {
  try {
    return step();
  } catch (const netlink::Error& error) {
    throw conf::CniFailure(conf::CniCode::Kernel,
                           "cannot limit the pod's " + what + ": " + error.what(), kNeedsKernel);
  }
}

// Replaces an existing IFB of this name: it is left from an ADD that was killed, or DEL is about to
// delete it, because the host interface of this pod was only just made.
Link makeIfb(RouteSocket& node, const BandwidthPlan& plan, Rollback& rollback) {
  if (!node.addIfb(plan.ifb, plan.alias)) {
    const auto taken = node.findLink(plan.ifb);
    const bool stale =
        taken && taken->kind == "ifb" && (taken->alias.empty() || taken->alias == plan.alias);
    if (stale) node.deleteLink(taken->index);
    if (!stale || !node.addIfb(plan.ifb, plan.alias))
      throw conf::CniFailure(conf::CniCode::AlreadyAttached,
                             "interface " + plan.ifb.text() + " on the node already exists",
                             "delete it: kpol did not create it");
  }
  rollback.add("create interface " + plan.ifb.text(),
               [name = plan.ifb] { RouteSocket().deleteLink(name); });
  auto link = node.findLink(plan.ifb);
  if (!link) throw netlink::Error("find the new link " + plan.ifb.text(), ENODEV);
  return *std::move(link);
}

bool isIfbOf(const Link& link, const conf::AttachmentId& id) {
  if (link.kind != "ifb") return false;
  return link.alias.empty() || link.alias.starts_with(id.containerId + ' ' + id.ifName + ' ');
}

bool isAsWanted(RouteSocket& node, const Link& link, const netlink::TokenBucket& wanted) {
  const auto found = node.shaping(link.index);
  return found && found->rate == wanted.rate && found->limit == wanted.limit;
}

}  // namespace

netlink::TokenBucket tokenBucketOf(const conf::RateLimit& limit, std::uint32_t mtu) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  const std::uint64_t rate = limit.rate / 8;
  const std::uint64_t burst = std::max<std::uint64_t>(limit.burst / 8, mtu + ETH_HLEN);
  const auto queue = rate / 1000 * kLatencyMilliseconds + std::min(burst, kMostQueuedOfBurst);
  return {rate, static_cast<std::uint32_t>(burst),
          static_cast<std::uint32_t>(std::min(queue, kMost))};
}

void limitBandwidth(RouteSocket& node, const Link& host, const BandwidthPlan& plan,
                    Rollback& rollback) {
  if (plan.limits.ingress)
    needing("ingress",
            [&] { node.shape(host.index, tokenBucketOf(*plan.limits.ingress, host.mtu)); });
  if (plan.limits.egress)
    needing("egress", [&] {
      const auto ifb = makeIfb(node, plan, rollback);
      node.disableAutomaticIpv6(ifb.index);
      node.shape(ifb.index, tokenBucketOf(*plan.limits.egress, host.mtu));
      node.setUp(ifb.index);
      node.redirectIngress(host.index, ifb.index);
    });
}

std::vector<std::string> bandwidthFaults(RouteSocket& node, const Link& host,
                                         const BandwidthPlan& plan) {
  std::vector<std::string> faults;
  if (plan.limits.ingress && !isAsWanted(node, host, tokenBucketOf(*plan.limits.ingress, host.mtu)))
    faults.push_back("on the node: the pod's ingress limit is missing or different");
  if (!plan.limits.egress) return faults;
  const auto ifb = node.findLink(plan.ifb);
  if (!ifb || !ifb->up || node.ingressRedirect(host.index) != ifb->index ||
      !isAsWanted(node, *ifb, tokenBucketOf(*plan.limits.egress, host.mtu)))
    faults.push_back("on the node: the pod's egress limit is missing or different");
  return faults;
}

void withdrawBandwidth(RouteSocket& node, const conf::AttachmentId& id, bool withHostEnd) {
  const auto ifb = node.findLink(ifbOf(id));
  if (!ifb || !isIfbOf(*ifb, id)) return;
  if (withHostEnd)
    ipam::deleteWithNext(node, ifb->index);
  else
    node.deleteLink(ifb->index);
}

}  // namespace kpol::plugin
