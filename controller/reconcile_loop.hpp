// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/event.hpp"
#include "controller/reconciler.hpp"
#include "controller/store.hpp"
#include "nft/kernel.hpp"
#include "policy/diagnostic.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace kpol::controller {

// Keeps the kernel's table equal to the store's engine. Performs what Reconciler says. In the
// steady state what the engine says changed goes to the kernel, and nothing is compared; at start,
// after any doubt and in audits the kernel's table is read and compared with the engine's whole
// one. On a refusal or a failure the kernel keeps what it had. One thread; commits block it for as
// long as the kernel takes.
class ReconcileLoop {
 public:
  ReconcileLoop(Store& store, nft::Kernel& kernel, Reconciler reconciler)
      : store_(store), kernel_(kernel), reconciler_(std::move(reconciler)) {}
  ReconcileLoop(const ReconcileLoop&) = delete;
  ReconcileLoop& operator=(const ReconcileLoop&) = delete;

  // Until cancelled.
  base::Task<> run();

  // Whoever changed the store calls this.
  void wake() { wake_.notify(); }
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
  // What the last compile could not take as written.
  [[nodiscard]] const std::vector<policy::Diagnostic>& diagnostics() const { return diagnostics_; }

  struct Fault {
    std::string message;
    std::chrono::system_clock::time_point at;
  };
  // Why the kernel does not hold the store's state; nothing once it does.
  [[nodiscard]] const std::optional<Fault>& fault() const { return fault_; }

  struct Counters {
    std::uint64_t commits = 0;  // that changed something
    std::uint64_t failures = 0;
    std::uint64_t audits = 0;
    std::uint64_t drifts = 0;  // audits that found the kernel changed by somebody else
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] Reconciler::State state() const { return reconciler_.state(); }
  // The kernel holds everything the store knows.
  [[nodiscard]] bool inSync() const;

 private:
  Reconciler::Event readBack(bool audit);
  Reconciler::Event commit();
  // Everything the kernel lacks, by what it was seen to have or by what changed since it had all.
  nft::ChangeSet changesToCommit();
  Reconciler::Event send(const nft::ChangeSet& changes);
  Reconciler::Event failed(const std::string& what);
  // Waits, then tells what ended the wait.
  base::Task<Reconciler::Event> wait(std::optional<Reconciler::Time> until);
  // What the machine has not been told yet.
  Reconciler::Event news();

  Store& store_;
  nft::Kernel& kernel_;
  Reconciler reconciler_;
  base::Event wake_;
  base::Event progress_;
  bool doubtful_ = false;
  std::uint64_t seenGeneration_ = 0;
  bool seenSynced_ = false;
  // The kernel was read and nothing committed since: what it has (nothing: no table).
  std::optional<std::optional<nft::Ruleset>> seen_;
  mutable std::optional<nft::Ruleset> applied_;
  std::optional<CommittedState> committed_;
  std::vector<policy::Diagnostic> diagnostics_;
  std::optional<Fault> fault_;
  Counters counters_;
};

}  // namespace kpol::controller
