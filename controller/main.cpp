// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"
#include "controller/clean_up.hpp"
#include "controller/command_line.hpp"
#include "controller/daemon.hpp"
#include "controller/holder.hpp"
#include "node/capabilities.hpp"
#include "node/holder_connection.hpp"
#include "node/plugin_binary.hpp"

#include <csignal>
#include <cstdio>
#include <exception>

namespace {

using namespace kpol;
using controller::Command;

void installCni(const Command& command) {
  const auto source = command.pluginBinary.empty() ? node::pluginBesideThisProgram()
                                                   : std::filesystem::path(command.pluginBinary);
  const auto written = node::installPlugin(source, command.config.cniBinDir);
  const bool isNew = written != node::Written::Unchanged;
  base::logInfo(isNew ? "plugin installed" : "plugin already installed",
                {{"file", command.config.cniBinDir + "/" + node::kPluginName}});
}

// SIGTERM must be handled explicitly: process 1 of a container ignores signals with the default
// action.
void idle() {
  sigset_t ends;
  sigemptyset(&ends);
  sigaddset(&ends, SIGTERM);
  sigaddset(&ends, SIGINT);
  sigprocmask(SIG_BLOCK, &ends, nullptr);
  int signal = 0;
  sigwait(&ends, &signal);
}

void perform(const Command& command) {
  switch (command.verb) {
    case Command::Verb::Run:
      node::expectCapabilities();
      controller::Daemon(command.config).run();
      return;
    case Command::Verb::InstallCni: installCni(command); return;
    case Command::Verb::CleanUp:
      node::expectCapabilities();
      controller::cleanUp(command.config, command.dryRun);
      return;
    case Command::Verb::Idle: idle(); return;
    case Command::Verb::Hold:
      controller::holdTable(node::holderPath(command.config.socket));
      return;
  }
}

}  // namespace

int main(int argc, char** argv) {
  const auto choice = controller::readCommandLine(argc, argv);
  if (const auto* exit = std::get_if<controller::Exit>(&choice)) {
    std::fputs(exit->text.c_str(), exit->code == 0 ? stdout : stderr);
    return exit->code;
  }
  const auto& command = std::get<Command>(choice);
  base::setUpLog(command.config.logLevel, command.config.logFormat);
  try {
    perform(command);
    return 0;
  } catch (const std::exception& error) {
    base::logError("kpold failed", {{"error", error.what()}});
    return 1;
  }
}
