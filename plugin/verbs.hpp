// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugin/request.hpp"

#include <string>

// The verbs of the CNI specification. Every failure is thrown: conf::CniFailure, or what the rooms
// below throw.
namespace kpol::plugin {

// Plan, make, have enforced, tell. Whatever fails, nothing of it is left. Chained (prevResult
// given): makes nothing, only has the pod's policy enforced. Returns the result as text.
std::string add(const Request& request);

// Everything of the attachment, also where parts or all of it are gone, and without kpold.
void del(const Request& request);

// That all ADD made is there as it was made.
void check(const Request& request);

// Deletes what belongs to attachments of this network that are not in validAttachments.
void gc(const Request& request);

// That an ADD now could succeed.
void status(const Request& request);

}  // namespace kpol::plugin
