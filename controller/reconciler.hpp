// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/backoff.hpp"

#include <chrono>
#include <optional>
#include <variant>

namespace kpol::controller {

// Decides when the kernel is read and written. Does no I/O: the caller reports what happened and
// the current time, performs the returned action and reports its outcome.
//
//   Waiting   the source is not read completely: the kernel keeps its table
//   Syncing   the kernel may differ from what we remember: read it, then write the difference
//   Synced    the kernel has our last commit: write only changes
//
// A rejection, a failure or any doubt leads back to Syncing; rejections and failures after a
// growing wait, except for Narrowed. So does the audit, which is due `auditInterval` after the
// kernel was last read.
class Reconciler {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  enum class State { Waiting, Syncing, Synced };

  struct Options {
    // How long a change waits for others. Zero: the first change of a burst is committed at once,
    // and those that arrive meanwhile are committed together after minInterval.
    Clock::duration gather = std::chrono::microseconds(0);
    // From the end of a commit to the start of the next.
    Clock::duration minInterval = std::chrono::milliseconds(1);
    Clock::duration firstRetry = std::chrono::milliseconds(100);
    Clock::duration longestRetry = std::chrono::seconds(30);
    // A change may remove the cause of a failure, so it is tried before the wait is over, but not
    // sooner than this after the failure.
    Clock::duration retryOnChange = std::chrono::seconds(1);
    Clock::duration auditInterval = std::chrono::minutes(5);
  };

  // What happened.
  struct Changed {  // the store differs from what was last committed
    bool sourceSynced = false;
  };
  struct Elapsed {};       // time passed
  struct ReadBackDone {};  // the kernel's table was read
  struct Committed {};     // the kernel has the store's state
  struct Refused {};       // the kernel rejected the whole commit
  struct Narrowed {};      // the same, but the next commit contains less
  struct Failed {};        // the read or the commit failed
  struct Doubt {};         // another program may have changed the table
  struct Stop {};
  using Event = std::variant<Changed, Elapsed, ReadBackDone, Committed, Refused, Narrowed, Failed,
                             Doubt, Stop>;

  // What to do.
  struct Wait {  // until an event happens, at most until `until`
    std::optional<Time> until;
    bool operator==(const Wait&) const = default;
  };
  struct ReadBack {
    bool audit = false;  // no doubt is pending: report a difference
    bool operator==(const ReadBack&) const = default;
  };
  struct Commit {
    bool operator==(const Commit&) const = default;
  };
  struct Finish {
    bool operator==(const Finish&) const = default;
  };
  using Action = std::variant<Wait, ReadBack, Commit, Finish>;

  Reconciler(Options options, base::Backoff::Random random);

  Action resume(const Event& event, Time now);
  [[nodiscard]] State state() const { return state_; }
  // Failures since the last successful commit.
  [[nodiscard]] unsigned failures() const { return backoff_.failures(); }

 private:
  void take(const Changed& changed, Time now);
  void take(const Elapsed&, Time) {}
  void take(const ReadBackDone&, Time now);
  void take(const Committed&, Time now);
  void take(const Refused&, Time now) { fail(now); }
  void take(const Narrowed&, Time now);
  void take(const Failed&, Time now) { fail(now); }
  void take(const Doubt&, Time now);
  void take(const Stop&, Time) { stopped_ = true; }
  void fail(Time now);
  Action whenSyncing(Time now) const;
  Action whenSynced(Time now);

  Options options_;
  base::Backoff backoff_;
  State state_ = State::Waiting;
  bool stopped_ = false;
  bool isRead_ = false;            // while Syncing: the kernel has been read
  std::optional<Time> changedAt_;  // the first change since the last commit
  std::optional<Time> failedAt_;
  std::optional<Time> retryAt_;
  std::optional<Time> committedAt_;
  Time auditAt_ = Time::max();
};

const char* toString(Reconciler::State state);

}  // namespace kpol::controller
