// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/attachment.hpp"
#include "conf/network_config.hpp"

// The requests of the plugin to kpold. With policy "none" no request is sent, and each function
// returns at once.
namespace kpol::plugin {

// PUT: returns after kpold has committed the pod's enforcement. Throws conf::CniFailure with
// TryAgain if that takes longer than config.policyTimeout, or at once if no process listens on the
// socket; with InvalidConfig if kpold rejects the attachment as invalid; with Conflict if another
// pod has one of its host ports.
void enforce(const conf::NetworkConfig& config, const conf::Attachment& attachment);

// DELETE, with a timeout of two seconds. Returns true if kpold will complete the pending releases
// in our state directory. If kpold does not confirm the deletion, removes the attachment's file, so
// that a later kpold does not treat the pod as running. Throws base::SystemError if the file cannot
// be removed.
bool forget(const conf::NetworkConfig& config, const conf::AttachmentId& id);

// GET: throws conf::CniFailure with CheckFailed if kpold does not know the attachment or the kernel
// does not enforce its policies, and with TryAgain if kpold cannot be queried.
void verifyKnown(const conf::NetworkConfig& config, const conf::AttachmentId& id);

// Throws conf::CniFailure with NotAvailable unless kpold reports that it is ready, and with
// LimitedConnectivity if kpold reports an error of its table in the kernel.
void verifyReady(const conf::NetworkConfig& config);

}  // namespace kpol::plugin
