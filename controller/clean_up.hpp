// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/daemon_config.hpp"

namespace kpol::controller {

// Removes everything that kpol created on this node (node/leftovers.hpp) and prints one line for
// each item on standard output. Pods that still have a kpol interface lose it. No kpold can start
// with this socket during the removal. Stops at the first failure. Throws base::Error; SocketInUse
// or node::TableHeld if a kpold is running.
void cleanUp(const conf::DaemonConfig& config, bool dryRun);

}  // namespace kpol::controller
