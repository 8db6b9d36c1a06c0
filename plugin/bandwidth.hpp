// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/attachment.hpp"
#include "netlink/objects.hpp"
#include "netlink/route_socket.hpp"
#include "plugin/plan.hpp"
#include "plugin/rollback.hpp"

#include <string>
#include <vector>

// The capability bandwidth. Both directions are limited on the node, where the pod cannot undo it:
// what it receives by a token bucket on the host's end, what it sends by one on a device of its own
// (an IFB) through which all is led that arrives on the host's end. Nothing is dropped for being
// early, but for what does not fit into a short queue.
namespace kpol::plugin {

// The bucket of a limit on a link: holds a packet at least, whatever the burst, or the link would
// be dead. The queue is what the link sends in 25 ms and, for large packets of the kernel's, at
// most 128 KiB of the burst.
netlink::TokenBucket tokenBucketOf(const conf::RateLimit& limit, std::uint32_t mtu);

// Limits the pod whose host's end is `host`, which may be up or not.
void limitBandwidth(netlink::RouteSocket& node, const netlink::Link& host,
                    const BandwidthPlan& plan, Rollback& rollback);

// What of the limits is missing or different, one sentence each.
std::vector<std::string> bandwidthFaults(netlink::RouteSocket& node, const netlink::Link& host,
                                         const BandwidthPlan& plan);

// Gets rid of the pod's IFB, if it has one: with the host's end where that is about to be deleted
// (ipam::deleteTogether), else at once.
void withdrawBandwidth(netlink::RouteSocket& node, const conf::AttachmentId& id, bool withHostEnd);

}  // namespace kpol::plugin
