// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace kpol::controller {

// Turns on IPv4 and IPv6 forwarding in this network namespace where it is off, without which no
// packet passes between pods. Says in the log what it changed, and what it could not.
void enableForwarding();

}  // namespace kpol::controller
