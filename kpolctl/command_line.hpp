// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kpolctl/commands.hpp"

#include <string>
#include <variant>

namespace kpol::kpolctl {

// What to print and the exit code with which the process ends at once.
struct Exit {
  int code = 0;
  std::string text;
};

// What the arguments ask for. An Exit for --help, --version and completion (0), and for bad usage
// (2).
std::variant<CommandLine, Exit> readCommandLine(int argc, const char* const* argv);

}  // namespace kpol::kpolctl
