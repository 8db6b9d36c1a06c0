// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "conf/cni_result.hpp"
#include "ipam/attachment_lock.hpp"
#include "ipam/lease_store.hpp"
#include "plugin/request.hpp"

#include <vector>

// The addresses of a pod, from the built-in IPAM or the plugin that config.ipam.type names.
// Throws conf::CniFailure.
namespace kpol::plugin {

struct Assignment {
  std::vector<base::IpAddress> ips;  // not empty, in the order of the range sets
  conf::CniDns dns;                  // of a delegated plugin
};

// Of ADD. A second ADD for one container ID and ifname without a DEL between is refused
// (AlreadyAttached): the specification forbids it to the runtime, and handing out the same lease
// again would hide two interfaces on one address. The lease is on record when this returns.
Assignment assign(const Request& request);

// Of an ADD that is undone: frees by container ID and ifname; nothing held is fine.
void release(const Request& request);

// Whether an ADD could get its addresses now. Waits for nobody and reads one small file; true where
// another plugin gives the addresses, whose STATUS is to be asked.
bool hasFreeAddress(const Request& request);

// Whether the addresses are from kpol's own store.
bool isBuiltIn(const Request& request);

// No other call for the attachment does anything while it lives. CniFailure with TryAgain where one
// is at it for too long.
ipam::AttachmentLock lockAttachment(const Request& request, const conf::AttachmentId& id);

// The store of the request's state directory, locked. CniFailure with TryAgain where the lock is
// not had in time.
ipam::LeaseStore openLeases(const Request& request);

// Of CHECK: CheckFailed where the pod does not hold exactly these.
void verifyHeld(const Request& request, std::vector<base::IpAddress> ips);

}  // namespace kpol::plugin
