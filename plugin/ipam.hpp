// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "conf/cni_result.hpp"
#include "ipam/attachment_lock.hpp"
#include "ipam/lease_store.hpp"
#include "netlink/netns.hpp"
#include "plugin/request.hpp"

#include <vector>

// The addresses of a pod, from the built-in IPAM or from the plugin in config.ipam.type. Functions
// throw conf::CniFailure, base::SystemError and ipam::JournalError.
namespace kpol::plugin {

struct Assignment {
  std::vector<base::IpAddress> ips;  // not empty, in the order of the range sets
  conf::CniDns dns;                  // from a delegated plugin, else empty
};

// For ADD: assigns the addresses. The built-in IPAM rejects a second ADD for the same container ID
// and ifname without a DEL in between (AlreadyAttached): the CNI specification forbids it, and
// returning the same lease again would hide that two interfaces have one address. On return the
// lease is recorded.
Assignment assign(const Request& request);

// For ADD: completes the pending releases of interfaces in the pod's namespace. A container that
// ended a moment ago in the same namespace leaves an interface of the same name, and the pod's
// default route. Throws TryAgain if that takes too long.
void awaitReleases(const Request& request, const netlink::Netns& pod);

// For DEL and for an ADD that is undone: frees the addresses of the container ID and ifname.
// Succeeds if there are none.
void release(const Request& request);

// Whether the addresses come from kpol's own lease store.
bool isBuiltIn(const Request& request);

// While the returned lock exists, no other call for this attachment proceeds. Throws CniFailure
// with TryAgain if another call holds the lock for too long.
ipam::AttachmentLock lockAttachment(const Request& request, const conf::AttachmentId& id);

// Opens and locks the lease store of the request's state directory. Throws CniFailure with TryAgain
// if the lock cannot be acquired in time.
ipam::LeaseStore openLeases(const Request& request);

// For CHECK: throws CheckFailed if the pod's lease does not contain exactly `ips`. A delegated
// plugin is called with CHECK instead, and its error is thrown.
void verifyHeld(const Request& request, std::vector<base::IpAddress> ips);

}  // namespace kpol::plugin
