// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "base/histogram.hpp"
#include "base/log_limit.hpp"
#include "controller/arrivals.hpp"
#include "controller/blast_radius.hpp"
#include "controller/commit_log.hpp"
#include "controller/reconciler.hpp"
#include "controller/store.hpp"
#include "nft/kernel.hpp"
#include "policy/diagnostic.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace kpol::controller {

// Keeps the kernel's table equal to the table of the store's engine. Performs the actions of
// Reconciler. Normally the engine's changes are sent to the kernel without a comparison. At start,
// after any doubt and in audits, the kernel's table is read and compared with the engine's whole
// table. A change that the kernel rejects isolates only the pods it concerns (BlastRadius). On any
// other rejection and on a failure the kernel keeps its table. One thread; commits block it until
// the kernel has replied.
class ReconcileLoop {
 public:
  using Commit = std::function<nft::CommitOutcome(const nft::ChangeSet&)>;
  ReconcileLoop(Store& store, nft::Kernel& kernel, Reconciler reconciler)
      : ReconcileLoop(store, kernel, std::move(reconciler),
                      [&kernel](const nft::ChangeSet& changes) { return kernel.commit(changes); }) {
  }
  // For tests: calls `commit` in place of the kernel's commit().
  ReconcileLoop(Store& store, nft::Kernel& kernel, Reconciler reconciler, Commit commit)
      : store_(store),
        kernel_(kernel),
        reconciler_(std::move(reconciler)),
        commit_(std::move(commit)) {}
  ReconcileLoop(const ReconcileLoop&) = delete;
  ReconcileLoop& operator=(const ReconcileLoop&) = delete;

  // Runs until cancelled.
  base::Task<> run();

  // Call this after every change of the store.
  void wake();
  // Call this if another program may have changed the table.
  void doubt();
  // Notified after each successful commit and each failure, but not after a rejected commit that is
  // retried at once with fewer changes (Reconciler::Narrowed).
  base::Event& progress() { return progress_; }

  // Returns the flows that the commits since the last call concern. progress() is notified after
  // each commit.
  policy::ChangedFlows takeChangedFlows() { return std::exchange(committedFlows_, {}); }
  [[nodiscard]] bool hasChangedFlows() const { return !committedFlows_.empty(); }

  // Returns true once the kernel enforces `generation` of the store or a later one, false at
  // `deadline`.
  base::Task<bool> waitCommitted(std::uint64_t generation, base::Event::Time deadline);

  struct CommittedState {
    std::uint64_t generation = 0;
    std::size_t endpoints = 0;
  };
  // What the kernel enforces; nullopt before the first commit.
  [[nodiscard]] const std::optional<CommittedState>& committed() const { return committed_; }
  // The table in the kernel, as last read or committed; nullopt if there is none, if neither has
  // happened yet, or if it cannot be read. Built on demand and kept until the next commit; for
  // people, not for the event path.
  [[nodiscard]] const std::optional<nft::Ruleset>& applied() const;
  // The size of the engine's table, without building it; zero before the first commit. The engine
  // may be ahead of the kernel.
  [[nodiscard]] policy::Engine::Size tableSize() const;
  // The policies that the kernel rejected, and those that are too large.
  [[nodiscard]] std::vector<policy::Diagnostic> diagnostics() const;
  // The number of profiles whose pods are isolated because of such policies.
  [[nodiscard]] std::size_t refusedProfiles() const { return refused_.size(); }
  // The number of profiles whose pods are isolated because their policies are too large.
  [[nodiscard]] std::size_t oversizedProfiles() const {
    return store_.engine().oversizedProfiles().size();
  }

  struct Fault {
    std::string message;
    std::chrono::system_clock::time_point at;     // of the last failure
    std::chrono::steady_clock::time_point since;  // of the first failure
  };
  // Why the kernel does not have the store's state; nullopt after a successful commit.
  [[nodiscard]] const std::optional<Fault>& fault() const { return fault_; }

  struct Counters {
    std::uint64_t commits = 0;  // that changed the table
    std::uint64_t refused = 0;  // commits rejected by the kernel
    std::uint64_t unasked = 0;  // commits that failed for another reason
    std::uint64_t unread = 0;   // failed reads of the kernel's table
    std::uint64_t audits = 0;
    std::uint64_t drifts = 0;  // times the table was found changed by another program
    [[nodiscard]] std::uint64_t failures() const { return refused + unasked + unread; }
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }
  // Duration of commits that changed the table: computing the changes and sending them.
  [[nodiscard]] const base::Histogram& commitDuration() const { return commitDuration_; }
  // Time from wake() to the commit, for each change of the store that was committed to the kernel.
  // Changes before the first commit are not counted, because they wait for the source.
  [[nodiscard]] const base::Histogram& eventLatency() const { return eventLatency_; }
  [[nodiscard]] Reconciler::State state() const { return reconciler_.state(); }
  // When the loop last acted or began to wait; nullopt before it runs.
  [[nodiscard]] std::optional<Reconciler::Time> lastTurn() const { return lastTurn_; }
  // Whether there are changes or doubts that run() has not processed; run() does so at once.
  [[nodiscard]] bool hasNews() const;
  // Whether the kernel has the store's current state.
  [[nodiscard]] bool inSync() const;

 private:
  static constexpr unsigned kMostLines = 10;
  static constexpr std::chrono::seconds kLinePeriod{60};

  Reconciler::Event readBack(bool audit);
  Reconciler::Event commit();
  // All changes that the kernel lacks: against its table if that was read, else since the last
  // commit.
  nft::ChangeSet changesToCommit();
  Reconciler::Event send(const nft::ChangeSet& changes);
  Reconciler::Event confine(const nft::Rejected& rejected, const nft::ChangeSet& changes);
  // Sets the profiles that the engine must deny, and updates `refused_`.
  void denyBlamed();
  // Lets the next commit admit the rejected profiles whose policies changed (retryAll(): all).
  void reconsider();
  void retryAll();
  // After a successful commit: profiles that it did not deny are no longer rejected.
  void forgiveTaken();
  // Records the duration of a successful commit that began at `start`.
  void measure(bool changed, Reconciler::Time start);
  // Prints a line about commits, if there is one to print.
  static void print(const std::optional<CommitLog::Line>& line);
  // Logs the profiles that have become too large.
  void reportOversized();
  void reportForeignChanges(const std::optional<nft::Ruleset>& seen);
  Reconciler::Event failed(const std::string& what, std::uint64_t Counters::*counter);
  // Waits, then returns the event that ended the wait.
  base::Task<Reconciler::Event> wait(std::optional<Reconciler::Time> until);
  // The next event that the Reconciler has not received yet; Elapsed if there is none.
  Reconciler::Event news();

  Store& store_;
  nft::Kernel& kernel_;
  Reconciler reconciler_;
  Commit commit_;
  base::Event wake_;
  base::Event progress_;
  bool doubtful_ = false;
  bool foreign_ = false;       // another program may have caused the doubt
  std::uint64_t arrived_ = 0;  // the generation of the last wake()
  Arrivals arrivals_;
  base::Histogram commitDuration_{.00005, .0001, .00025, .0005, .001, .0025, .005, .01,
                                  .025,   .05,   .1,     .25,   .5,   1,     2.5,  10};
  base::Histogram eventLatency_{.00025, .0005, .001, .0025, .005, .01, .025, .05,
                                .1,     .25,   .5,   1,     2.5,  5,   10,   60};
  std::optional<Reconciler::Time> lastTurn_;
  std::uint64_t seenGeneration_ = 0;
  bool seenSynced_ = false;
  // Set while the kernel's table was read and nothing has been committed since; the inner nullopt
  // means that there is no table.
  std::optional<std::optional<nft::Ruleset>> seen_;
  mutable std::optional<nft::Ruleset> applied_;
  std::optional<CommittedState> committed_;
  policy::ChangedFlows changedFlows_;    // by changes since the last successful commit
  policy::ChangedFlows committedFlows_;  // by those before
  BlastRadius radius_;
  struct RefusedProfile {
    std::string why;
    std::vector<policy::NetworkPolicy> policies;  // as they were when rejected
  };
  std::map<std::string, RefusedProfile> refused_;  // until the kernel accepts them
  std::set<std::string> oversized_;                // as logged
  CommitLog commitLog_;
  // For each kind of line that a tenant can cause.
  base::LogLimit rejectedLines_{kMostLines, kLinePeriod};
  base::LogLimit acceptedLines_{kMostLines, kLinePeriod};
  base::LogLimit oversizedLines_{kMostLines, kLinePeriod};
  base::LogLimit failedLines_{kMostLines, kLinePeriod};
  std::optional<Fault> fault_;
  Counters counters_;
};

}  // namespace kpol::controller
