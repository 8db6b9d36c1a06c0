// SPDX-License-Identifier: Apache-2.0
#include "controller/health.hpp"

namespace kpol::controller {
namespace {

// Longer than the longest wait after a failure, of the loop itself or of base::supervise.
constexpr auto kStuck = std::chrono::minutes(2);
// One rejected commit is not reported, because it is retried within a second.
constexpr auto kLasting = std::chrono::seconds(10);

std::string because(const std::string& trouble) {
  return trouble.empty() ? trouble : ": " + trouble;
}

}  // namespace

std::string whyNotAlive(const ReconcileLoop& loop, HealthTime now) {
  const auto turn = loop.lastTurn();
  if (!turn || now - *turn < kStuck || !loop.hasNews()) return {};
  const auto silent = std::chrono::duration_cast<std::chrono::seconds>(now - *turn);
  return "the reconcile loop has not processed a pending change for " +
         std::to_string(silent.count()) + " s";
}

std::string whyNotReady(const ReconcileLoop& loop, const std::string& sourceTrouble,
                        HealthTime now) {
  const auto& fault = loop.fault();
  if (loop.state() == Reconciler::State::Waiting)
    return "the source has not been read yet" + because(sourceTrouble);
  if (!loop.committed())
    return "kpold has not committed its first table yet" + because(fault ? fault->message : "");
  if (fault && now - fault->since >= kLasting)
    return "the kernel's table is not up to date: " + fault->message;
  return {};
}

}  // namespace kpol::controller
