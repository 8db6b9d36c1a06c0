// SPDX-License-Identifier: Apache-2.0
#include "controller/reconcile_loop.hpp"

#include "nft/diff.hpp"
#include "policy/compile.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace kpol::controller {
namespace {

std::size_t elementsIn(const nft::ChangeSet& changes) {
  std::size_t count = 0;
  for (const auto& change : changes.changes) {
    if (const auto* add = std::get_if<nft::AddElements>(&change)) count += add->elements.size();
    if (const auto* del = std::get_if<nft::DeleteElements>(&change)) count += del->elements.size();
  }
  return count;
}

double millisecondsSince(Reconciler::Time start) {
  return std::chrono::duration<double, std::milli>(Reconciler::Clock::now() - start).count();
}

}  // namespace

base::Task<> ReconcileLoop::run() {
  Reconciler::Event event = news();
  for (;;) {
    const Reconciler::Action action = reconciler_.resume(event, Reconciler::Clock::now());
    if (const auto* pause = std::get_if<Reconciler::Wait>(&action))
      event = co_await wait(pause->until);
    else if (const auto* read = std::get_if<Reconciler::ReadBack>(&action))
      event = readBack(read->audit);
    else if (std::holds_alternative<Reconciler::Commit>(action))
      event = commit();
    else
      co_return;
  }
}

base::Task<Reconciler::Event> ReconcileLoop::wait(std::optional<Reconciler::Time> until) {
  // A change that came while the kernel was asked is told at once.
  Reconciler::Event event = news();
  if (std::holds_alternative<Reconciler::Elapsed>(event)) {
    co_await wake_.waitUntil(until.value_or(base::Event::kNever));
    event = news();
  }
  co_return event;
}

Reconciler::Event ReconcileLoop::news() {
  if (std::exchange(doubtful_, false)) return Reconciler::Doubt{};
  const bool changed = store_.generation() != seenGeneration_ || store_.synced() != seenSynced_;
  if (!changed) return Reconciler::Elapsed{};
  seenGeneration_ = store_.generation();
  seenSynced_ = store_.synced();
  return Reconciler::Changed{seenSynced_};
}

void ReconcileLoop::doubt() {
  doubtful_ = true;
  wake_.notify();
}

base::Task<bool> ReconcileLoop::waitCommitted(std::uint64_t generation,
                                              base::Event::Time deadline) {
  for (bool inTime = true;;) {
    if (committed_ && committed_->generation >= generation) co_return true;
    if (!inTime) co_return false;
    inTime = co_await progress_.waitUntil(deadline);
  }
}

bool ReconcileLoop::inSync() const {
  return committed_ && committed_->generation == store_.generation() && !fault_;
}

Reconciler::Event ReconcileLoop::readBack(bool audit) {
  try {
    auto seen = kernel_.readBack();
    if (audit) ++counters_.audits;
    if (audit && applied_ && seen != applied_) {
      ++counters_.drifts;
      spdlog::warn("the table was changed by somebody else, repairing changes={}",
                   nft::diff(seen, *applied_).changes.size());
    }
    applied_ = std::move(seen);
    return Reconciler::ReadBackDone{};
  } catch (const base::Error& error) {
    return failed(std::string("cannot read the table: ") + error.what());
  }
}

Reconciler::Event ReconcileLoop::commit() {
  const auto start = Reconciler::Clock::now();
  const auto snapshot = store_.snapshot();
  // What is in this snapshot is no news any more.
  seenGeneration_ = snapshot->generation;
  auto compiled = policy::compile(*snapshot);
  diagnostics_ = std::move(compiled.diagnostics);
  const auto changes = nft::diff(applied_, compiled.ruleset);
  Reconciler::Event event =
      changes.empty() ? Reconciler::Event{Reconciler::Committed{}} : send(changes);
  if (!std::holds_alternative<Reconciler::Committed>(event)) return event;
  if (!changes.empty()) {
    ++counters_.commits;
    spdlog::info("committed changes={} elements={} took_ms={:.3f} generation={}",
                 changes.changes.size(), elementsIn(changes), millisecondsSince(start),
                 snapshot->generation);
  }
  applied_ = std::move(compiled.ruleset);
  committed_ = snapshot;
  fault_.reset();
  progress_.notify();
  return event;
}

Reconciler::Event ReconcileLoop::send(const nft::ChangeSet& changes) {
  try {
    const auto outcome = kernel_.commit(changes);
    const auto* rejected = std::get_if<nft::Rejected>(&outcome);
    if (rejected == nullptr) return Reconciler::Committed{};
    failed("the kernel refused a change and keeps the policy it had: " + rejected->message);
    return Reconciler::Refused{};
  } catch (const base::Error& error) {
    return failed(std::string("cannot commit: ") + error.what());
  }
}

Reconciler::Event ReconcileLoop::failed(const std::string& what) {
  ++counters_.failures;
  fault_ = Fault{what, std::chrono::system_clock::now()};
  spdlog::error("{} attempt={}", what, reconciler_.failures() + 1);
  progress_.notify();
  return Reconciler::Failed{};
}

}  // namespace kpol::controller
