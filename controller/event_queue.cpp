// SPDX-License-Identifier: Apache-2.0
#include "controller/event_queue.hpp"

#include <utility>

namespace kpol::controller {

EventQueue::EventQueue(Options options, base::Backoff::Random random)
    : options_(options), backoff_(options.firstWait, options.longestWait, std::move(random)) {}

void EventQueue::add(const ClusterEvent& event, Time now) {
  std::erase_if(told_, [&](const auto& told) { return told.second + options_.repeatAfter <= now; });
  if (!told_.try_emplace(event, now).second) return;
  if (waiting_.size() < options_.capacity)
    waiting_.push_back(event);
  else
    ++counters_.dropped;
}

std::optional<ClusterEvent> EventQueue::due(Time now) const {
  if (waiting_.empty() || now < notBefore_) return std::nullopt;
  return waiting_.front();
}

void EventQueue::settled(bool taken, Time now) {
  waiting_.pop_front();
  ++(taken ? counters_.sent : counters_.dropped);
  backoff_.reset();
  notBefore_ = now + options_.apart;
}

void EventQueue::failed(Time now) {
  ++counters_.failures;
  notBefore_ = now + backoff_.next();
}

}  // namespace kpol::controller
