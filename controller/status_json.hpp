// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/node_state.hpp"

#include <cstdint>
#include <string>
#include <vector>

// Response bodies of /v1/status, /v1/sync and PUT /v1/attachments, as JSON text.
namespace kpol::controller {

std::string statusJson(const NodeState& state);
// {"generation":N}
std::string generationJson(std::uint64_t generation);
// {"generation":N,"diagnostics":[…]}, or {"error":…,"diagnostics":[…]} when `error` is not empty.
std::string syncJson(std::uint64_t generation, const std::string& error,
                     const std::vector<policy::Diagnostic>& diagnostics);

}  // namespace kpol::controller
