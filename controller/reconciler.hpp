// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/backoff.hpp"

#include <chrono>
#include <optional>
#include <variant>

namespace kpol::controller {

// Decides when the kernel is read and written. A machine without I/O: it is told what happened and
// what time it is, and answers with what to do next. Whoever performs the answer reports back.
//
//   Waiting   the source has not told everything yet: the kernel keeps what it has
//   Syncing   the kernel may differ from what we remember: read it, then write the difference
//   Synced    the kernel holds what we committed last: write differences to memory
//
// A refusal, a failure to ask, or any doubt leads back to Syncing; refusals and failures after a
// wait that grows. So does the audit, which comes when `auditInterval` has passed since the kernel
// was last read.
class Reconciler {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  enum class State { Waiting, Syncing, Synced };

  struct Options {
    // A change waits this long for company. None: the first of a burst is committed at once, and
    // those that come meanwhile together, after minInterval.
    Clock::duration gather = std::chrono::microseconds(0);
    // From the end of one commit to the start of the next.
    Clock::duration minInterval = std::chrono::milliseconds(1);
    Clock::duration firstRetry = std::chrono::milliseconds(100);
    Clock::duration longestRetry = std::chrono::seconds(30);
    // After a failure a change may be the cure, so it is tried before the wait is over, but not
    // sooner than this after the failure.
    Clock::duration retryOnChange = std::chrono::seconds(1);
    Clock::duration auditInterval = std::chrono::minutes(5);
  };

  // What happened.
  struct Changed {  // the store differs from what was last committed
    bool sourceSynced = false;
  };
  struct Elapsed {};       // time passed
  struct ReadBackDone {};  // the kernel's state is known
  struct Committed {};     // the kernel holds the store's state
  struct Refused {};       // the kernel took none of it
  struct Narrowed {};      // the kernel took none of it, and less of it is wanted now
  struct Failed {};        // the kernel could not be asked
  struct Doubt {};         // somebody else may have changed the kernel's state
  struct Stop {};
  using Event = std::variant<Changed, Elapsed, ReadBackDone, Committed, Refused, Narrowed, Failed,
                             Doubt, Stop>;

  // What to do.
  struct Wait {  // until something happens, at most until then
    std::optional<Time> until;
    bool operator==(const Wait&) const = default;
  };
  struct ReadBack {
    bool audit = false;  // nothing is known to be wrong: a difference is worth a report
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
  // Failures since the last commit that went through.
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
