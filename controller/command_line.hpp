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

// kpold's configuration from its flags and the file they name; flags win. An Exit for --help and
// --version (0), and for bad usage or configuration (2).
std::variant<conf::DaemonConfig, Exit> readCommandLine(int argc, const char* const* argv);

}  // namespace kpol::controller
