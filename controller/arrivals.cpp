// SPDX-License-Identifier: Apache-2.0
#include "controller/arrivals.hpp"

namespace kpol::controller {
namespace {

constexpr auto kMoment = std::chrono::microseconds(100);
constexpr std::size_t kMostMoments = 10000;

}  // namespace

void Arrivals::add(std::uint64_t changes, Time now) {
  if (changes == 0) return;
  const bool full = moments_.size() >= kMostMoments;
  if (!moments_.empty() && (full || now - moments_.back().at < kMoment))
    moments_.back().changes += changes;
  else
    moments_.push_back({now, changes});
}

void Arrivals::settle(base::Histogram& latency, Time now) {
  for (const auto& moment : moments_) latency.observe(now - moment.at, moment.changes);
  moments_.clear();
}

}  // namespace kpol::controller
