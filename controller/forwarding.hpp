// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace kpol::controller {

// Enables IPv4 and IPv6 forwarding in this network namespace if it is disabled, because without it
// no packet passes between pods. Logs the sysctls that it set and those that it could not set.
void enableForwarding();

}  // namespace kpol::controller
