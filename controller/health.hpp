// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/reconcile_loop.hpp"

#include <chrono>
#include <string>

// What /livez and /readyz answer: a sentence, or nothing where all is well. Both are asked on the
// thread that everything runs on, so whoever gets no answer knows that it hangs.
namespace kpol::controller {

using HealthTime = std::chrono::steady_clock::time_point;

// Only a restart would help: the reconcile loop does not look at what it was told.
std::string whyNotAlive(const ReconcileLoop& loop, HealthTime now);

// The source was not read yet, or the kernel has not held what kpold knows for a while. An API
// server that goes away later is no reason: what is known is enforced.
// `sourceTrouble`: why the source was not read, where that is known.
std::string whyNotReady(const ReconcileLoop& loop, const std::string& sourceTrouble,
                        HealthTime now);

}  // namespace kpol::controller
