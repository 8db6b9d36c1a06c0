// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/command_line.hpp"

#include <cstdio>
#include <exception>
#include <iostream>

int main(int argc, char** argv) {
  using namespace kpol::kpolctl;
  const auto choice = readCommandLine(argc, argv);
  if (const auto* exit = std::get_if<Exit>(&choice)) {
    std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
    return exit->code;
  }
  try {
    return run(std::get<CommandLine>(choice), std::cout, std::cerr);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "kpolctl: %s\n", error.what());
    return kFailed;
  }
}
