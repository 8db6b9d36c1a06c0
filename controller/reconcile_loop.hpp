// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "base/histogram.hpp"
#include "controller/arrivals.hpp"
#include "controller/blast_radius.hpp"
#include "controller/reconciler.hpp"
#include "controller/store.hpp"
#include "nft/kernel.hpp"
#include "policy/diagnostic.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace kpol::controller {

// Keeps the kernel's table equal to the store's engine. Performs what Reconciler says. In the
// steady state what the engine says changed goes to the kernel, and nothing is compared; at start,
// after any doubt and in audits the kernel's table is read and compared with the engine's whole
// one. What the kernel refuses isolates the pods it is about, and no others: see BlastRadius. On
// any other refusal, and on a failure, the kernel keeps what it had. One thread; commits block it
// for as long as the kernel takes.
class ReconcileLoop {
 public:
  using Commit = std::function<nft::CommitOutcome(const nft::ChangeSet&)>;
  ReconcileLoop(Store& store, nft::Kernel& kernel, Reconciler reconciler)
      : ReconcileLoop(store, kernel, std::move(reconciler),
                      [&kernel](const nft::ChangeSet& changes) { return kernel.commit(changes); }) {
  }
  // With something between itself and the kernel's commit(), for tests.
  ReconcileLoop(Store& store, nft::Kernel& kernel, Reconciler reconciler, Commit commit)
      : store_(store),
        kernel_(kernel),
        reconciler_(std::move(reconciler)),
        commit_(std::move(commit)) {}
  ReconcileLoop(const ReconcileLoop&) = delete;
  ReconcileLoop& operator=(const ReconcileLoop&) = delete;

  // Until cancelled.
  base::Task<> run();

  // Whoever changed the store calls this.
  void wake();
  // Somebody else may have changed our table.
  void doubt();
  // Notified after every attempt to commit.
  base::Event& progress() { return progress_; }

  // True when the kernel enforces `generation` of the store or a later one, false at `deadline`.
  base::Task<bool> waitCommitted(std::uint64_t generation, base::Event::Time deadline);

  // What the kernel enforces.
  struct CommittedState {
    std::uint64_t generation = 0;
    std::size_t endpoints = 0;
  };
  // Nothing before the first commit.
  [[nodiscard]] const std::optional<CommittedState>& committed() const { return committed_; }
  // The table in the kernel, as last read or committed; nothing when there is none. Made when asked
  // for and kept until the next commit: for people.
  [[nodiscard]] const std::optional<nft::Ruleset>& applied() const;
  // Of the same table, without making it.
  [[nodiscard]] policy::Engine::Size tableSize() const;
  // The policies that the kernel refuses.
  [[nodiscard]] std::vector<policy::Diagnostic> diagnostics() const;
  // Whose pods are isolated because of that.
  [[nodiscard]] std::size_t refusedProfiles() const { return refused_.size(); }

  struct Fault {
    std::string message;
    std::chrono::system_clock::time_point at;     // of the last attempt
    std::chrono::steady_clock::time_point since;  // of the first
  };
  // Why the kernel does not hold the store's state; nothing once it does.
  [[nodiscard]] const std::optional<Fault>& fault() const { return fault_; }

  struct Counters {
    std::uint64_t commits = 0;  // that changed something
    std::uint64_t refused = 0;  // commits, by the kernel
    std::uint64_t unasked = 0;  // commits for which the kernel could not be asked
    std::uint64_t unread = 0;   // the kernel could not be read
    std::uint64_t audits = 0;
    std::uint64_t drifts = 0;  // the kernel was found changed by somebody else
    [[nodiscard]] std::uint64_t failures() const { return refused + unasked + unread; }
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }
  // Of commits that changed something: making the change set and the kernel taking it.
  [[nodiscard]] const base::Histogram& commitDuration() const { return commitDuration_; }
  // From wake() to the commit, for each change of the store that went to the kernel. Without those
  // of the start, which wait for the source.
  [[nodiscard]] const base::Histogram& eventLatency() const { return eventLatency_; }
  [[nodiscard]] Reconciler::State state() const { return reconciler_.state(); }
  // When it last did something, or began to wait for something to do; nothing before it runs.
  [[nodiscard]] std::optional<Reconciler::Time> lastTurn() const { return lastTurn_; }
  // It has been told of something that it has not looked at: run() does so at once.
  [[nodiscard]] bool hasNews() const;
  // The kernel holds everything the store knows.
  [[nodiscard]] bool inSync() const;

 private:
  Reconciler::Event readBack(bool audit);
  Reconciler::Event commit();
  // Everything the kernel lacks, by what it was seen to have or by what changed since it had all.
  nft::ChangeSet changesToCommit();
  Reconciler::Event send(const nft::ChangeSet& changes);
  Reconciler::Event confine(const nft::Rejected& rejected, const nft::ChangeSet& changes);
  // Tells the engine whom to deny, and keeps `refused_`.
  void denyBlamed();
  // Lets the next commit try those whose policies changed, or all.
  void reconsider();
  void retryAll();
  // A commit went through: those that it did not deny are no longer refused.
  void forgiveTaken();
  // The kernel holds what was wanted since `start`.
  void measure(bool changed, Reconciler::Time start);
  void reportForeignChanges(const std::optional<nft::Ruleset>& seen);
  Reconciler::Event failed(const std::string& what, std::uint64_t Counters::*counter);
  // Waits, then tells what ended the wait.
  base::Task<Reconciler::Event> wait(std::optional<Reconciler::Time> until);
  // What the machine has not been told yet.
  Reconciler::Event news();

  Store& store_;
  nft::Kernel& kernel_;
  Reconciler reconciler_;
  Commit commit_;
  base::Event wake_;
  base::Event progress_;
  bool doubtful_ = false;
  bool foreign_ = false;       // doubtful because of somebody else
  std::uint64_t arrived_ = 0;  // the generation of the last wake()
  Arrivals arrivals_;
  base::Histogram commitDuration_{.00005, .0001, .00025, .0005, .001, .0025, .005, .01,
                                  .025,   .05,   .1,     .25,   .5,   1,     2.5,  10};
  base::Histogram eventLatency_{.00025, .0005, .001, .0025, .005, .01, .025, .05,
                                .1,     .25,   .5,   1,     2.5,  5,   10,   60};
  std::optional<Reconciler::Time> lastTurn_;
  std::uint64_t seenGeneration_ = 0;
  bool seenSynced_ = false;
  // The kernel was read and nothing committed since: what it has (nothing: no table).
  std::optional<std::optional<nft::Ruleset>> seen_;
  mutable std::optional<nft::Ruleset> applied_;
  std::optional<CommittedState> committed_;
  BlastRadius radius_;
  struct RefusedProfile {
    std::string why;
    std::vector<policy::NetworkPolicy> policies;  // as the kernel refused them
  };
  std::map<std::string, RefusedProfile> refused_;  // until the kernel takes them
  std::optional<Fault> fault_;
  Counters counters_;
};

}  // namespace kpol::controller
