// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ipam/lease.hpp"
#include "netlink/objects.hpp"
#include "netlink/route_socket.hpp"

#include <functional>
#include <span>
#include <string>

// The end of what pods leave behind.
//
// Deleting a link takes the kernel 15 to 30 ms, most of it with its networking lock held: it waits
// for readers on all CPUs (unregister_netdevice_many, net/core/dev.c). Ten links of one group take
// as long as one. So DEL only makes the pod unreachable and records its departure; links are
// deleted afterwards, all that have come together by then at once.
namespace kpol::ipam {

// Whether `link` is the host's end of the pair that kpol made for `id`. A pair whose making was
// interrupted has the name but no alias.
bool isLinkOf(const netlink::Link& link, const conf::AttachmentId& id);

// Moves the links into one group and deletes that. Those that are gone are passed over. Blocks.
void deleteTogether(netlink::RouteSocket& node, std::span<const base::IfIndex> links);

// The link is deleted with those of the next call of deleteTogether that has any.
void deleteWithNext(netlink::RouteSocket& node, base::IfIndex link);

// What went wrong but stops nothing.
using Remark = std::function<void(const std::string&)>;

// Deletes the links of all departures in the state directory, forgets the flows of their addresses
// and frees these, until there are none. Only one process does it at a time; where another is at it
// this one returns at once, and the other takes over what is on record. In the calling thread's
// network namespace, without holding the store's lock meanwhile. Blocks. Throws as LeaseStore does,
// and netlink::Error.
void settleDepartures(const std::string& stateDir, const Remark& remark);

}  // namespace kpol::ipam
