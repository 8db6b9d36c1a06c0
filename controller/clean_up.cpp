// SPDX-License-Identifier: Apache-2.0
#include "controller/clean_up.hpp"

#include "controller/control_socket.hpp"
#include "node/leftovers.hpp"

#include <cstdio>
#include <optional>

namespace kpol::controller {
namespace {

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

void remove(const node::Leftover& leftover) {
  try {
    leftover.remove();
  } catch (const base::Error& error) {
    throw base::Error("cannot remove the " + leftover.text + ": " + error.what() +
                      "; later items were not removed: correct the error and run --cleanup again");
  }
  say("removed " + leftover.text);
}

}  // namespace

void cleanUp(const conf::DaemonConfig& config, bool dryRun) {
  const node::Places places{conf::cniConfDirOf(config), config.cniBinDir, config.stateDir,
                            config.socket};
  expectUnused(config.socket);
  auto leftovers = node::findLeftovers(places);
  if (leftovers.empty()) say("nothing to remove: kpol left nothing on this node");
  if (dryRun) {
    for (const auto& leftover : leftovers) say("would remove " + leftover.text);
    return;
  }
  if (leftovers.empty()) return;
  {
    const ControlSocket alone(config.socket);
    for (const auto& leftover : leftovers) remove(leftover);
  }
  node::removeSocket(config.socket);
}

}  // namespace kpol::controller
