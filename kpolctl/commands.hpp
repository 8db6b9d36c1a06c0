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
  base::ObjectKey key;  // for Pod and Policy
};
struct SyncCommand {
  std::chrono::milliseconds timeout{};
};
struct ExplainCommand {
  std::string from;
  std::string to;
  std::uint16_t port = 0;
  std::string protocol;  // "tcp", "udp", "sctp", "icmp", "icmpv6"
};
using Command = std::variant<StatusCommand, ShowCommand, SyncCommand, ExplainCommand>;

struct CommandLine {
  std::string socket;
  Format format = Format::Table;
  Command command;
};

// Sends the requests to kpold and prints results to `out` and remarks to `remarks`. Returns kNo for
// "denied", "not ready" or "not in sync". Throws base::Error if there is no response, or an error
// response.
ExitCode run(const CommandLine& commandLine, std::ostream& out, std::ostream& remarks);

}  // namespace kpol::kpolctl
