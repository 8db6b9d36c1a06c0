// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/daemon_config.hpp"

#include <optional>
#include <string>
#include <variant>

namespace kpol::controller {

// What to print and the exit code with which the process ends at once.
struct Exit {
  int code = 0;
  std::string text;
};

// What the process is to do.
struct Command {
  enum class Verb : std::uint8_t { Run, InstallCni, CleanUp, Idle };
  Verb verb = Verb::Run;
  conf::DaemonConfig config;
  std::string pluginBinary;  // of InstallCni; empty: the one beside this program
  bool dryRun = false;       // of CleanUp: say what would go
};

// kpold's configuration from its flags and the file they name; flags win. An Exit for --help and
// --version (0), and for bad usage or configuration (2).
std::variant<Command, Exit> readCommandLine(int argc, const char* const* argv);

}  // namespace kpol::controller
