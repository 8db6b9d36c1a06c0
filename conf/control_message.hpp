// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// The bodies of kpold's control socket that are more than one attachment.
namespace kpol::conf {

// {"error": text}, the body of every answer that is no success.
std::string printErrorBody(std::string_view error);
// Its text; the body itself, cut short, where it is something else.
std::string errorTextOf(std::string_view body);

// Whether a body of /v1/status has "ready": true.
bool saysReady(std::string_view statusBody);

// What a body of /v1/status says is wrong with the table in the kernel; empty: nothing.
std::string faultIn(std::string_view statusBody);

// The answer to GET of an attachment: it, and whether the kernel enforces its policies.
std::string printKnown(std::string_view attachment, bool enforced);
bool saysEnforced(std::string_view body);

// The answer to DELETE of an attachment. `settling`: kpold deletes the link and frees the
// addresses.
std::string printRemoved(std::uint64_t generation, bool settling);
bool saysSettling(std::string_view body);

}  // namespace kpol::conf
