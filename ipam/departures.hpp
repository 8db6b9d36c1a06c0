// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ipam/lease.hpp"
#include "netlink/objects.hpp"
#include "netlink/route_socket.hpp"

#include <functional>
#include <span>
#include <string>

// Pending releases (Departure): the links and addresses that ended pods leave behind.
//
// To delete a link takes the kernel 15 to 30 ms, most of it with the networking lock (RTNL) held,
// because it waits for readers on all CPUs (unregister_netdevice_many, net/core/dev.c). Ten links
// of one group take as long as one. So DEL only makes the pod unreachable and records a pending
// release. The links are deleted later, all that are pending by then at once.
namespace kpol::ipam {

// Whether `link` is a host interface that kpol made for `id`, by its kind, "kpol" name and alias. A
// link without an alias also counts, because an interrupted ADD leaves one: the caller must know
// the link by the id's name or by its recorded index.
bool isLinkOf(const netlink::Link& link, const conf::AttachmentId& id);

// Moves the links into one group and deletes the group. Skips links that are gone. Blocks.
void deleteTogether(netlink::RouteSocket& node, std::span<const base::IfIndex> links);

// Marks the link for deletion by the next call of deleteTogether() that finds one of its links.
void deleteWithNext(netlink::RouteSocket& node, base::IfIndex link);

// Reports an error that does not stop the operation.
using Remark = std::function<void(const std::string&)>;

// Completes pending releases of the state directory until there are none: deletes their links (and
// IFBs), deletes the conntrack entries of their addresses, then frees the addresses. Only one
// process does this at a time. If another one does, returns at once: the other one completes
// everything that is recorded by now. Works in the calling thread's network namespace, and does not
// hold the store's lock while it deletes. Blocks. Throws netlink::Error and the exceptions of
// LeaseStore.
void settleDepartures(const std::string& stateDir, const Remark& remark);

}  // namespace kpol::ipam
