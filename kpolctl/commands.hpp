// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/object_key.hpp"
#include "kpolctl/output.hpp"

#include <chrono>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <variant>

namespace kpol::kpolctl {

enum ExitCode : int { kDone = 0, kFailed = 1, kUsage = 2, kNo = 3 };

struct StatusCommand {};
struct ShowCommand {
  enum class What : std::uint8_t { Overview, Policies, Pods, Sets, Ruleset, Ips, Pod, Policy };
  What what = What::Overview;
  base::ObjectKey key;  // of Pod and Policy
};
struct SyncCommand {
  std::chrono::milliseconds timeout{};
};
struct ExplainCommand {
  std::string from;
  std::string to;
  std::uint16_t port = 0;
  std::string protocol;  // "tcp", "udp", "sctp", "icmp"
};
using Command = std::variant<StatusCommand, ShowCommand, SyncCommand, ExplainCommand>;

struct CommandLine {
  std::string socket;
  Format format = Format::Table;
  Command command;
};

// Asks kpold and prints: results to `out`, remarks to `remarks`. kNo where the answer is "denied"
// or "not in sync". Throws base::Error when there is no answer.
ExitCode run(const CommandLine& commandLine, std::ostream& out, std::ostream& remarks);

}  // namespace kpol::kpolctl
