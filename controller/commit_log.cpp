// SPDX-License-Identifier: Apache-2.0
#include "controller/commit_log.hpp"

#include <utility>

namespace kpol::controller {

std::optional<CommitLog::Line> CommitLog::add(const Line& commit, Time now) {
  waiting_.commits += commit.commits;
  waiting_.changes += commit.changes;
  waiting_.elements += commit.elements;
  waiting_.milliseconds += commit.milliseconds;
  waiting_.generation = commit.generation;
  return due(now);
}

std::optional<CommitLog::Line> CommitLog::due(Time now) {
  if (waiting_.commits == 0 || (printedAt_ && now < *printedAt_ + kInterval)) return std::nullopt;
  printedAt_ = now;
  return std::exchange(waiting_, {});
}

std::optional<CommitLog::Time> CommitLog::dueAt() const {
  if (waiting_.commits == 0) return std::nullopt;
  return *printedAt_ + kInterval;
}

}  // namespace kpol::controller
