// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace kpol::plugin {

// Starts a child process that completes the pending releases in the state directory
// (ipam::settleDepartures). The runtime does not wait for it. If it cannot be started, this process
// completes them. If it is killed, kpold, GC, the next DEL or an ADD that needs the addresses does.
void settleBehind(const std::string& stateDir);

// Writes a message to standard error.
void remark(const std::string& text);

}  // namespace kpol::plugin
