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

// Decides which events the cluster is told, and when: none twice within a while, few at a time, and
// none for ever if nobody takes them. A machine without I/O.
class EventQueue {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;

  struct Options {
    Clock::duration repeatAfter = std::chrono::minutes(10);  // what still holds is told again
    Clock::duration apart = std::chrono::milliseconds(200);  // from one to the next
    Clock::duration firstWait = std::chrono::seconds(1);     // after a failure
    Clock::duration longestWait = std::chrono::minutes(5);
    std::size_t capacity = 100;
  };
  EventQueue(Options options, base::Backoff::Random random);

  // Something is so; may be said as often as one likes.
  void add(const ClusterEvent& event, Time now);
  // The one to send now; nothing: not yet, or none.
  [[nodiscard]] std::optional<ClusterEvent> due(Time now) const;
  [[nodiscard]] bool isEmpty() const { return waiting_.empty(); }
  // The one that was due was taken, or will never be (`taken` false: it is dropped).
  void settled(bool taken, Time now);
  // Nobody could be told; the same is due again later.
  void failed(Time now);

  struct Counters {
    std::uint64_t sent = 0;
    std::uint64_t dropped = 0;  // refused by the API server, or too many at once
    std::uint64_t failures = 0;
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }

 private:
  Options options_;
  base::Backoff backoff_;
  std::deque<ClusterEvent> waiting_;
  std::map<ClusterEvent, Time> told_;  // or waiting, since when
  Time notBefore_ = Time::min();
  Counters counters_;
};

}  // namespace kpol::controller
