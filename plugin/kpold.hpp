// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/attachment.hpp"
#include "conf/network_config.hpp"

// What the plugin asks of kpold. With policy "none" nothing is asked of it and each of these
// returns at once.
namespace kpol::plugin {

// PUT: returns when kpold has committed the pod's enforcement. Throws conf::CniFailure with
// TryAgain where that is not so within config.policyTimeout, at once where nobody listens on the
// socket; with InvalidConfig where kpold refuses the attachment as such.
void enforce(const conf::NetworkConfig& config, const conf::Attachment& attachment);

// DELETE, for at most two seconds. True: kpold will settle the departures of our state directory.
// Where kpold does not say that it is done, removes the attachment's file, so that a later kpold
// does not take the pod for a living one.
bool forget(const conf::NetworkConfig& config, const conf::AttachmentId& id);

// GET: throws conf::CniFailure with CheckFailed where kpold does not know the attachment, with
// TryAgain where it cannot be asked.
void verifyKnown(const conf::NetworkConfig& config, const conf::AttachmentId& id);

// Throws conf::CniFailure with NotAvailable unless kpold says that it is ready.
void verifyReady(const conf::NetworkConfig& config);

}  // namespace kpol::plugin
