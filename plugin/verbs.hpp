// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugin/request.hpp"

#include <string>

// The commands of the CNI specification. Every failure is thrown: conf::CniFailure, or the
// exceptions of the lower layers.
namespace kpol::plugin {

// Makes the pod's network, waits until kpold enforces its policies, and returns the result as text.
// If a step fails, everything is undone (see Rollback). Chained (with prevResult and without ipam):
// makes no interface, but applies the bandwidth limits and waits for kpold.
std::string add(const Request& request);

// Deletes everything of the attachment. Succeeds if parts or all of it are gone, and without kpold.
void del(const Request& request);

// Checks that everything is still as ADD made it.
void check(const Request& request);

// Deletes the attachments of this network that are not in validAttachments, and those of any
// network whose network namespace is gone. Without the list, deletes only the latter.
void gc(const Request& request);

// Checks that kpold is ready and can program the kernel, and calls a delegated IPAM plugin's
// STATUS. Succeeds while no address is free: runtimes report the network of a node whose STATUS
// fails as not ready, and Kubernetes then evicts pods that run well.
void status(const Request& request);

}  // namespace kpol::plugin
