// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/netns.hpp"
#include "netlink/objects.hpp"
#include "plugin/plan.hpp"
#include "plugin/rollback.hpp"

#include <optional>
#include <string>
#include <vector>

// The veth pair of a pod in the kernel. The calling thread must be in the node's network namespace,
// and is there again on return. Functions throw netlink::Error, base::SystemError and
// conf::CniFailure.
namespace kpol::plugin {

// Makes everything in the plan, adds the undo steps to `rollback`, and returns the MTU. Throws
// AlreadyAttached if the pod has such an interface or the name on the host is taken; the existing
// interface is left unchanged.
std::uint32_t makeInterface(const AttachPlan& plan, const netlink::Netns& pod, Rollback& rollback);

// The smallest MTU of the interfaces with a default route of the node; 0 if there is none.
std::uint32_t uplinkMtu();

// The peers of the interfaces in the pod's namespace, as indexes in the namespaces of the peers.
std::vector<base::IfIndex> peersIn(const netlink::Netns& pod);

// The families that have a default route in the pod through another interface than `ifName`. A
// family is repeated for each such interface.
std::vector<base::Family> familiesRoutedElsewhere(const netlink::Netns& pod,
                                                  const base::IfName& ifName);

// Removes the routing rules of a secondary interface, which are not deleted with its link. Succeeds
// if there are none.
void removeRules(const netlink::Netns& pod, const conf::AttachmentId& id);

// Returns one sentence for each part of the plan that is missing or different. Empty if everything
// is as ADD made it.
std::vector<std::string> findFaults(const AttachPlan& plan, const netlink::Netns& pod);

// Makes the pod unreachable at once and returns its host interface, which the caller must delete.
// Returns nullopt if there is none. A link of that name that kpol did not make is left unchanged.
// The pod's IFB is deleted, or marked for deletion with the host interface.
std::optional<netlink::Link> withdrawInterface(const conf::AttachmentId& id);

// Returns the owner of `link` if it is a pod's host interface or IFB made by kpol, else nullopt.
std::optional<Owner> ownerOf(const netlink::Link& link);

// For chained use: returns the host interface of the veth pair whose peer is `ifName` in the pod.
// Throws InvalidConfig if there is none, because then the pod's traffic does not pass the node's
// forward hook.
base::IfName findHostEnd(const netlink::Netns& pod, const base::IfName& ifName);

// For chained use after a bridge: packets between pods on one bridge bypass the IP hooks, and so
// every policy, unless br_netfilter passes bridged packets to these hooks. Throws NotFiltered if
// `hostEnd` is a port of a bridge and the node's sysctls do not enable that for both families.
void requireFiltered(const base::IfName& hostEnd);

}  // namespace kpol::plugin
