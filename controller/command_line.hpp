// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/daemon_config.hpp"

#include <optional>
#include <string>
#include <variant>

namespace kpol::controller {

// The text to print and the exit code; the process then exits at once.
struct Exit {
  int code = 0;
  std::string text;
};

// What the process must do.
struct Command {
  enum class Verb : std::uint8_t { Run, InstallCni, CleanUp, Idle, Hold };
  Verb verb = Verb::Run;
  conf::DaemonConfig config;
  std::string pluginBinary;  // for InstallCni; empty: the one beside this program
  bool dryRun = false;       // for CleanUp: only print what would be removed
};

// Reads the configuration from the flags and from the file that --config names; flags override the
// file. Returns an Exit for --help and --version (code 0), and for invalid usage or configuration
// (code 2).
std::variant<Command, Exit> readCommandLine(int argc, const char* const* argv);

}  // namespace kpol::controller
