// SPDX-License-Identifier: Apache-2.0
#include "controller/command_line.hpp"
#include "controller/daemon.hpp"

#include <spdlog/spdlog.h>

#include <cstdio>
#include <exception>

int main(int argc, char** argv) {
  using namespace kpol;
  const auto choice = controller::readCommandLine(argc, argv);
  if (const auto* exit = std::get_if<controller::Exit>(&choice)) {
    std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
    return exit->code;
  }
  const auto& config = std::get<conf::DaemonConfig>(choice);
  base::setUpLog(config.logLevel, config.logFormat);
  try {
    controller::Daemon(config).run();
    return 0;
  } catch (const std::exception& error) {
    spdlog::error("kpold ends: {}", error.what());
    return 1;
  }
}
