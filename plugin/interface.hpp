// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/netns.hpp"
#include "netlink/objects.hpp"
#include "plugin/plan.hpp"
#include "plugin/rollback.hpp"

#include <optional>
#include <string>
#include <vector>

// The veth pair of a pod in the kernel. Each function works from the node's namespace, in which the
// calling thread is before and after. Throws netlink::Error, base::SystemError and
// conf::CniFailure.
namespace kpol::plugin {

// Makes all that the plan says; how to undo it goes to `rollback`. AlreadyAttached where the pod
// has such an interface or the host's name is taken: what exists is left alone. Returns the MTU.
std::uint32_t makeInterface(const AttachPlan& plan, const netlink::Netns& pod, Rollback& rollback);

// The MTU of the interfaces of the node's default routes, the smallest; 0 where there is none.
std::uint32_t uplinkMtu();

// Families whose default route in the pod leads elsewhere than through `ifName`.
std::vector<base::Family> familiesRoutedElsewhere(const netlink::Netns& pod,
                                                  const base::IfName& ifName);

// Removes what of a secondary interface does not go with its link. Nothing there is fine.
void removeRules(const netlink::Netns& pod, const conf::AttachmentId& id);

// What of the plan is missing or different, one sentence each; empty: all is as ADD made it.
std::vector<std::string> findFaults(const AttachPlan& plan, const netlink::Netns& pod);

// Makes the pod unreachable at once and returns its link, which is still to be deleted; nothing
// where it has none. A link of that name that is not ours is left alone.
std::optional<netlink::Link> withdrawInterface(const conf::AttachmentId& id);

// Whether `link` is the host's end of a pod's pair made by kpol, or the pod's IFB, and whose.
std::optional<Owner> ownerOf(const netlink::Link& link);

// The node's end of the veth pair whose other end is `ifName` in the pod's namespace, for chained
// use. InvalidConfig where there is none: its traffic does not pass the node's forward hook.
base::IfName findHostEnd(const netlink::Netns& pod, const base::IfName& ifName);

// For chained use after a bridge: pods on one bridge speak past IP's hooks, and so past every
// policy, unless br_netfilter sends bridged packets through them. NotFiltered where `hostEnd` is a
// bridge's port and the node's sysctls do not say so for both families.
void requireFiltered(const base::IfName& hostEnd);

}  // namespace kpol::plugin
