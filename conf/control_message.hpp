// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// The bodies of requests and responses on kpold's control socket, except a plain attachment.
namespace kpol::conf {

// {"error": text}, the body of every response that is not a success.
std::string printErrorBody(std::string_view error);
// Returns the text of an error body, or the first 200 bytes of any other body.
std::string errorTextOf(std::string_view body);

// Whether a body of /v1/status has "ready": true.
bool saysReady(std::string_view statusBody);

// The error of the table in the kernel in a body of /v1/status; empty if there is none.
std::string faultIn(std::string_view statusBody);

// The response to GET of an attachment: the attachment (JSON text), and whether the kernel enforces
// its policies.
std::string printKnown(std::string_view attachment, bool enforced);
bool saysEnforced(std::string_view body);

// The response to DELETE of an attachment. `settling`: kpold deletes the link and frees the
// addresses.
std::string printRemoved(std::uint64_t generation, bool settling);
bool saysSettling(std::string_view body);

}  // namespace kpol::conf
