// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "tests/support/process.hpp"

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

// A program under ptrace(2), stopped at each of its system calls: what it does to the world is
// seen, and faults are put in from outside, so that the program has no code for them.
namespace kpol::test {

// One system call, at its entry or, with `result`, its exit.
struct TracedCall {
  pid_t pid = 0;
  std::uint64_t number = 0;
  std::array<std::uint64_t, 6> arguments{};
  bool isExit = false;
  std::int64_t result = 0;  // of the exit; -errno

  [[nodiscard]] const char* name() const;  // "" for one that this file does not know
  // From the program's memory.
  [[nodiscard]] std::string text(std::size_t argument) const;
  [[nodiscard]] std::string bytes(std::uint64_t address, std::size_t size) const;
};

enum class Interference {
  None,
  Kill,  // SIGKILL to the process that made the call; at the entry the call is not executed
  Fail,  // at the entry: the call is not carried out and returns -error
};
struct Decision {
  Interference what = Interference::None;
  int error = 0;
};
using Watch = std::function<Decision(const TracedCall&)>;

// Runs argv[0] with `input` as its standard input, and every process that it forks, to their end
// (at most 60 s, then they are killed). Only system calls that TracedCall can name are watched, and
// only from the first read of standard input on: what loads the program is not its work.
ProcessResult runTraced(const std::vector<std::string>& argv, const std::string& input,
                        const Environment& extra, const Watch& watch);

// The same for a function, in a process of its own; all its calls are watched.
int runTraced(const std::function<void()>& body, const Watch& watch);

// Whether a call of that name changes anything outside the process.
bool changesTheWorld(const TracedCall& call);

// Lets the `at`-th call that `counts`, counted from 0, meet its fate.
class FaultPoint {
 public:
  enum class Moment { Entry, Exit };
  FaultPoint(std::size_t at, Moment moment, Decision decision,
             std::function<bool(const TracedCall&)> counts)
      : at_(at), moment_(moment), decision_(decision), counts_(std::move(counts)) {}

  Decision operator()(const TracedCall& call);
  [[nodiscard]] bool reached() const { return !where_.empty(); }
  [[nodiscard]] const std::string& where() const { return where_; }  // the name of the call

 private:
  std::size_t at_;
  Moment moment_;
  Decision decision_;
  std::function<bool(const TracedCall&)> counts_;
  std::size_t seen_ = 0;
  std::string where_;
};

}  // namespace kpol::test
