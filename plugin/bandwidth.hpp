// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/attachment.hpp"
#include "netlink/objects.hpp"
#include "netlink/route_socket.hpp"
#include "plugin/plan.hpp"
#include "plugin/rollback.hpp"

#include <string>
#include <vector>

// The capability "bandwidth". Both directions are limited on the node, where the pod cannot undo
// it. A token bucket on the host interface limits what the pod receives. Packets that arrive on the
// host interface are redirected through a separate device (IFB), whose token bucket limits what the
// pod sends. Packets above the rate are delayed in a short queue, and dropped only if it is full.
namespace kpol::plugin {

// Returns the token bucket for a limit on a link with this MTU. The bucket holds at least one
// packet, because otherwise the link would send nothing. The queue (TokenBucket::limit) holds what
// the link sends in 25 ms plus the burst, of which at most 128 KiB count (for GSO packets).
netlink::TokenBucket tokenBucketOf(const conf::RateLimit& limit, std::uint32_t mtu);

// Limits the pod with the host interface `host`, which may be up or down. Throws conf::CniFailure
// with code Kernel or AlreadyAttached.
void limitBandwidth(netlink::RouteSocket& node, const netlink::Link& host,
                    const BandwidthPlan& plan, Rollback& rollback);

// Returns one sentence for each limit that is missing or different. The burst is not compared.
std::vector<std::string> bandwidthFaults(netlink::RouteSocket& node, const netlink::Link& host,
                                         const BandwidthPlan& plan);

// Deletes the pod's IFB, if there is one: at once, or, if `withHostEnd`, together with the host
// interface in the next call of ipam::deleteTogether().
void withdrawBandwidth(netlink::RouteSocket& node, const conf::AttachmentId& id, bool withHostEnd);

}  // namespace kpol::plugin
