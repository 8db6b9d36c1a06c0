// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/daemon_config.hpp"

namespace kpol::controller {

// Takes kpol off this node (node/leftovers.hpp): one line on standard output for each thing. Pods
// that still have an interface lose it. While it works no kpold can start with this socket. Stops
// at the first failure. Throws base::Error; SocketInUse and node::TableHeld while a kpold runs.
void cleanUp(const conf::DaemonConfig& config, bool dryRun);

}  // namespace kpol::controller
