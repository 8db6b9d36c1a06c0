// SPDX-License-Identifier: Apache-2.0
#include "controller/reconcile_loop.hpp"

#include "base/async/asio.hpp"
#include "base/log.hpp"
#include "controller/refusal.hpp"
#include "nft/diff.hpp"

#include <algorithm>
#include <cerrno>
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

std::vector<policy::NetworkPolicy> policiesOf(const std::string& profile,
                                              const policy::Engine& engine) {
  std::vector<policy::NetworkPolicy> policies;
  for (const auto& key : engine.policiesOf(profile))
    if (auto policy = engine.findPolicy(key)) policies.push_back(std::move(*policy));
  return policies;
}

double millisecondsSince(Reconciler::Time start) {
  return std::chrono::duration<double, std::milli>(Reconciler::Clock::now() - start).count();
}

}  // namespace

base::Task<> ReconcileLoop::run() {
  Reconciler::Event event = news();
  for (;;) {
    lastTurn_ = Reconciler::Clock::now();
    const Reconciler::Action action = reconciler_.resume(event, *lastTurn_);
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
  // A change that arrived during a commit or a read is processed without waiting.
  Reconciler::Event event = news();
  if (std::holds_alternative<Reconciler::Elapsed>(event)) {
    auto end = until.value_or(base::Event::kNever);
    if (const auto due = commitLog_.dueAt()) end = std::min(end, *due);
    co_await wake_.waitUntil(end);
    print(commitLog_.due(Reconciler::Clock::now()));
    event = news();
  }
  co_return event;
}

Reconciler::Event ReconcileLoop::news() {
  if (std::exchange(doubtful_, false)) return Reconciler::Doubt{};
  if (!hasNews()) return Reconciler::Elapsed{};
  seenGeneration_ = store_.generation();
  seenSynced_ = store_.synced();
  return Reconciler::Changed{seenSynced_};
}

bool ReconcileLoop::hasNews() const {
  return doubtful_ || store_.generation() != seenGeneration_ || store_.synced() != seenSynced_;
}

void ReconcileLoop::wake() {
  arrivals_.add(store_.generation() - std::exchange(arrived_, store_.generation()),
                Reconciler::Clock::now());
  wake_.notify();
}

void ReconcileLoop::doubt() {
  doubtful_ = true;
  foreign_ = true;
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

const std::optional<nft::Ruleset>& ReconcileLoop::applied() const {
  if (applied_) return applied_;
  if (seen_) return *seen_;
  if (!committed_) return applied_;
  if (inSync()) {
    applied_ = store_.engine().ruleset();
    return applied_;
  }
  try {
    applied_ = kernel_.readBack();
  } catch (const base::Error& error) {
    base::logWarn("cannot read the table", {{"error", error.what()}});
  }
  return applied_;
}

policy::Engine::Size ReconcileLoop::tableSize() const {
  return committed_ ? store_.engine().size() : policy::Engine::Size();
}

Reconciler::Event ReconcileLoop::readBack(bool audit) {
  try {
    auto seen = kernel_.readBack();
    if (audit) ++counters_.audits;
    if (std::exchange(foreign_, false) || audit) reportForeignChanges(seen);
    if (audit) retryAll();
    seen_ = std::move(seen);
    applied_.reset();
    return Reconciler::ReadBackDone{};
  } catch (const base::Error& error) {
    return failed(std::string("cannot read the table: ") + error.what(), &Counters::unread);
  }
}

void ReconcileLoop::reportForeignChanges(const std::optional<nft::Ruleset>& seen) {
  if (!inSync()) return;
  const auto repair = nft::diff(seen, store_.engine().ruleset());
  if (repair.empty()) return;
  ++counters_.drifts;
  base::logWarn("table changed by a third party, repairing it",
                {{"changes", repair.changes.size()}});
}

nft::ChangeSet ReconcileLoop::changesToCommit() {
  auto changes = store_.engine().takeChanges();
  changedFlows_.add(store_.engine().takeChangedFlows());
  if (!seen_) return changes;
  return nft::diff(*seen_, store_.engine().ruleset());
}

Reconciler::Event ReconcileLoop::commit() {
  const auto start = Reconciler::Clock::now();
  reconsider();
  const CommittedState wanted{store_.generation(), store_.engine().counts().endpoints};
  // This commit includes all changes up to this generation.
  seenGeneration_ = wanted.generation;
  const auto changes = changesToCommit();
  seen_.reset();
  Reconciler::Event event =
      changes.empty() ? Reconciler::Event{Reconciler::Committed{}} : send(changes);
  if (!std::holds_alternative<Reconciler::Committed>(event)) return event;
  measure(!changes.empty(), start);
  if (!changes.empty()) {
    ++counters_.commits;
    applied_.reset();
    const CommitLog::Line line{1, changes.changes.size(), elementsIn(changes),
                               millisecondsSince(start), wanted.generation};
    print(commitLog_.add(line, Reconciler::Clock::now()));
  }
  committed_ = wanted;
  committedFlows_.add(std::exchange(changedFlows_, {}));
  fault_.reset();
  forgiveTaken();
  reportOversized();
  if (radius_.committed()) doubtful_ = true;  // more suspects to admit
  denyBlamed();
  progress_.notify();
  return event;
}

void ReconcileLoop::measure(bool changed, Reconciler::Time start) {
  const auto now = Reconciler::Clock::now();
  if (changed) commitDuration_.observe(now - start);
  if (changed && committed_) arrivals_.settle(eventLatency_, now);
  arrivals_.forget();
}

Reconciler::Event ReconcileLoop::send(const nft::ChangeSet& changes) {
  try {
    const auto outcome = commit_(changes);
    const auto* rejected = std::get_if<nft::Rejected>(&outcome);
    if (rejected == nullptr) return Reconciler::Committed{};
    return confine(*rejected, changes);
  } catch (const base::Error& error) {
    return failed(std::string("cannot commit: ") + error.what(), &Counters::unasked);
  }
}

Reconciler::Event ReconcileLoop::confine(const nft::Rejected& rejected,
                                         const nft::ChangeSet& changes) {
  auto& engine = store_.engine();
  // EPERM: the table belongs to another socket, which is no fault of a profile.
  const bool narrowed =
      rejected.code != EPERM && radius_.refused(refusalOf(rejected, changes, engine));
  denyBlamed();
  if (!narrowed) {
    failed("the kernel rejected a change and keeps the previous table: " + rejected.message,
           &Counters::refused);
    return Reconciler::Refused{};
  }
  ++counters_.refused;
  return Reconciler::Narrowed{};
}

void ReconcileLoop::denyBlamed() {
  auto& engine = store_.engine();
  engine.deny(radius_.denied());
  for (const auto& [profile, why] : radius_.blamed()) {
    auto& known = refused_[profile];
    known.policies = policiesOf(profile, engine);
    if (std::exchange(known.why, why) == why) continue;
    const auto leftOut = rejectedLines_.admit(Reconciler::Clock::now());
    if (!leftOut) continue;
    base::logError("kernel rejected a profile, its pods are isolated",
                   {{"profile", profile},
                    {"pods", engine.podsOf(profile).size()},
                    {"error", why},
                    {"left_out", *leftOut}});
  }
}

void ReconcileLoop::reconsider() {
  const auto& engine = store_.engine();
  BlastRadius::Profiles gone;
  BlastRadius::Profiles changed;
  for (const auto& [profile, known] : refused_) {
    if (!engine.hasProfile(profile))
      gone.insert(profile);
    else if (policiesOf(profile, engine) != known.policies)
      changed.insert(profile);
  }
  if (gone.empty() && changed.empty()) return;
  radius_.forget(gone);
  radius_.retry(changed);
  for (const auto& profile : gone) refused_.erase(profile);
  store_.engine().deny(radius_.denied());
}

void ReconcileLoop::retryAll() {
  BlastRadius::Profiles all;
  for (const auto& [profile, known] : refused_) all.insert(profile);
  radius_.retry(all);
  store_.engine().deny(radius_.denied());
}

void ReconcileLoop::forgiveTaken() {
  const auto denied = radius_.denied();
  std::erase_if(refused_, [&](const auto& known) {
    if (denied.contains(known.first)) return false;
    if (const auto leftOut = acceptedLines_.admit(Reconciler::Clock::now()))
      base::logInfo("kernel accepted a profile again",
                    {{"profile", known.first}, {"left_out", *leftOut}});
    return true;
  });
}

void ReconcileLoop::print(const std::optional<CommitLog::Line>& line) {
  if (!line) return;
  base::logInfo("committed", {{"commits", line->commits},
                              {"changes", line->changes},
                              {"elements", line->elements},
                              {"took_ms", line->milliseconds},
                              {"generation", line->generation}});
}

void ReconcileLoop::reportOversized() {
  const auto& engine = store_.engine();
  const auto& now = engine.oversizedProfiles();
  if (now == oversized_) return;
  for (const auto& profile : now) {
    if (oversized_.contains(profile)) continue;
    if (const auto leftOut = oversizedLines_.admit(Reconciler::Clock::now()))
      base::logError(
          "profile too large, its pods are isolated",
          {{"profile", profile}, {"pods", engine.podsOf(profile).size()}, {"left_out", *leftOut}});
  }
  oversized_ = now;
}

std::vector<policy::Diagnostic> ReconcileLoop::diagnostics() const {
  auto all = diagnosticsOf(radius_, store_.engine());
  const auto oversized = oversizedDiagnostics(store_.engine());
  all.insert(all.end(), oversized.begin(), oversized.end());
  return all;
}

Reconciler::Event ReconcileLoop::failed(const std::string& what, std::uint64_t Counters::*counter) {
  ++(counters_.*counter);
  const auto now = Reconciler::Clock::now();
  fault_ = Fault{what, std::chrono::system_clock::now(), fault_ ? fault_->since : now};
  if (const auto leftOut = failedLines_.admit(now))
    base::logError(
        "commit failed",
        {{"attempt", reconciler_.failures() + 1}, {"error", what}, {"left_out", *leftOut}});
  progress_.notify();
  return Reconciler::Failed{};
}

}  // namespace kpol::controller
