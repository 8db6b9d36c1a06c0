// SPDX-License-Identifier: Apache-2.0
#include "controller/reconciler.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <utility>

namespace kpol::controller {

Reconciler::Reconciler(Options options, base::Backoff::Random random)
    : options_(options), backoff_(options.firstRetry, options.longestRetry, std::move(random)) {}

Reconciler::Action Reconciler::resume(const Event& event, Time now) {
  std::visit([&](const auto& happened) { take(happened, now); }, event);
  if (stopped_) return Finish{};
  switch (state_) {
    case State::Waiting: return Wait{};
    case State::Syncing: return whenSyncing(now);
    case State::Synced: return whenSynced(now);
  }
  return Finish{};
}

void Reconciler::take(const Changed& changed, Time now) {
  if (state_ == State::Waiting && changed.sourceSynced) state_ = State::Syncing;
  if (state_ == State::Waiting) return;
  if (!changedAt_) changedAt_ = now;
  if (retryAt_) retryAt_ = std::min(*retryAt_, std::max(now, *failedAt_ + options_.retryOnChange));
}

void Reconciler::take(const ReadBackDone&, Time now) {
  base::expects(state_ == State::Syncing, "only Syncing reads the kernel");
  isRead_ = true;
  auditAt_ = now + options_.auditInterval;
}

void Reconciler::take(const Committed&, Time now) {
  base::expects(state_ != State::Waiting, "nothing is committed while Waiting");
  state_ = State::Synced;
  isRead_ = false;
  changedAt_.reset();
  failedAt_.reset();
  retryAt_.reset();
  committedAt_ = now;
  backoff_.reset();
}

// No wait: each further commit contains less that can be rejected.
void Reconciler::take(const Narrowed&, Time) {
  base::expects(state_ != State::Waiting, "nothing is committed while Waiting");
  state_ = State::Syncing;
  isRead_ = false;
  retryAt_.reset();
}

void Reconciler::take(const Doubt&, Time) {
  if (state_ == State::Synced) state_ = State::Syncing;
  isRead_ = false;
}

void Reconciler::fail(Time now) {
  base::expects(state_ != State::Waiting, "nothing can fail while Waiting");
  state_ = State::Syncing;
  isRead_ = false;
  failedAt_ = now;
  retryAt_ = now + backoff_.next();
}

Reconciler::Action Reconciler::whenSyncing(Time now) const {
  if (retryAt_ && now < *retryAt_) return Wait{retryAt_};
  if (!isRead_) return ReadBack{};
  return Commit{};
}

Reconciler::Action Reconciler::whenSynced(Time now) {
  if (changedAt_) {
    const Time due = std::max(*changedAt_ + options_.gather, *committedAt_ + options_.minInterval);
    if (now >= due) return Commit{};
    return Wait{due};
  }
  if (now < auditAt_) return Wait{auditAt_};
  state_ = State::Syncing;
  return ReadBack{true};
}

const char* toString(Reconciler::State state) {
  switch (state) {
    case Reconciler::State::Waiting: return "Waiting";
    case Reconciler::State::Syncing: return "Syncing";
    case Reconciler::State::Synced: return "Synced";
  }
  return "";
}

}  // namespace kpol::controller
