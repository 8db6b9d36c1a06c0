// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/reconcile_loop.hpp"

#include <chrono>
#include <string>

// Why /livez or /readyz must fail; an empty string if healthy. Both run on the event loop's thread,
// so a request without a response means that this thread hangs.
namespace kpol::controller {

using HealthTime = std::chrono::steady_clock::time_point;

// Returns a reason if only a restart can help: the reconcile loop has not processed its pending
// changes for minutes.
std::string whyNotAlive(const ReconcileLoop& loop, HealthTime now);

// Returns a reason if the source was not read yet, or if the kernel has not had kpold's current
// state for a while. An API server that becomes unreachable later is no reason, because the known
// state is enforced. `sourceTrouble`: why the source was not read, if that is known.
std::string whyNotReady(const ReconcileLoop& loop, const std::string& sourceTrouble,
                        HealthTime now);

}  // namespace kpol::controller
