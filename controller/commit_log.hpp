// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace kpol::controller {

// Decides when commits are logged, because a tenant can cause 500 of them a second. The first
// commit is logged at once; those that follow within kInterval are added up and logged as one line
// when it is over, and so on until none follows. Pure: the caller passes the time and prints the
// lines.
class CommitLog {
 public:
  using Time = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::seconds kInterval{5};

  struct Line {
    std::uint64_t commits = 0;
    std::size_t changes = 0;
    std::size_t elements = 0;
    double milliseconds = 0;       // of all commits
    std::uint64_t generation = 0;  // of the last commit
    bool operator==(const Line&) const = default;
  };

  // Adds a commit; returns the line to print now, if any.
  std::optional<Line> add(const Line& commit, Time now);
  // Returns the line that is due at `now`, if any.
  std::optional<Line> due(Time now);
  // When due() returns a line if no commit is added; nullopt: never.
  [[nodiscard]] std::optional<Time> dueAt() const;

 private:
  std::optional<Time> printedAt_;  // the last line
  Line waiting_;
};

}  // namespace kpol::controller
