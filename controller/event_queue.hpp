// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/backoff.hpp"
#include "controller/cluster_event.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>

namespace kpol::controller {

// Decides which events are sent to the cluster, and when. The same event is not repeated within
// `repeatAfter`, events are sent at least `apart` from each other, failed sends are retried with
// growing waits, and events beyond `capacity` are dropped. Does no I/O.
class EventQueue {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  struct Options {
    Clock::duration repeatAfter = std::chrono::minutes(10);  // repeat while it still applies
    Clock::duration apart = std::chrono::milliseconds(200);  // between two events
    Clock::duration firstWait = std::chrono::seconds(1);     // after a failure
    Clock::duration longestWait = std::chrono::minutes(5);
    std::size_t capacity = 100;
  };
  EventQueue(Options options, base::Backoff::Random random);

  // Adds an event for a condition that holds now; may be called as often as needed.
  void add(const ClusterEvent& event, Time now);
  // The event to send now; nullopt if there is none or it is too early.
  [[nodiscard]] std::optional<ClusterEvent> due(Time now) const;
  [[nodiscard]] bool isEmpty() const { return waiting_.empty(); }
  // The event that was due is done: sent, or dropped for good (`taken` false).
  void settled(bool taken, Time now);
  // The event that was due could not be sent; it is due again later.
  void failed(Time now);

  struct Counters {
    std::uint64_t sent = 0;
    std::uint64_t dropped = 0;  // rejected by the API server, or over capacity
    std::uint64_t failures = 0;
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  Options options_;
  base::Backoff backoff_;
  std::deque<ClusterEvent> waiting_;
  std::map<ClusterEvent, Time> told_;  // sent, waiting or dropped since this time
  Time notBefore_ = Time::min();
  Counters counters_;
};

}  // namespace kpol::controller
