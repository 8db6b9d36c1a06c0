// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace kpol::plugin {

// Has the departures in the state directory settled by a process of its own, which the runtime does
// not wait for. Where none can be started, does it itself. If that process is killed, kpold, GC,
// the next DEL or an ADD that needs the addresses settles them.
void settleBehind(const std::string& stateDir);

// To standard error.
void remark(const std::string& text);

}  // namespace kpol::plugin
