// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kpolctl/commands.hpp"

#include <string>
#include <variant>

namespace kpol::kpolctl {

// The text to print and the exit code; the process then exits at once.
struct Exit {
  int code = 0;
  std::string text;
};

// Parses the arguments. Returns an Exit for --help, --version and completion (code 0), and for
// invalid usage (code 2).
std::variant<CommandLine, Exit> readCommandLine(int argc, const char* const* argv);

}  // namespace kpol::kpolctl
