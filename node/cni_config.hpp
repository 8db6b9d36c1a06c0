// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/conflist.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <variant>

// The network config file by which the container runtime finds the node's network.
namespace kpol::node {

constexpr const char* kConflistName = "10-kpol.conflist";

// The file has the wanted content. `changed`: it was written by this call.
struct ConflistHolds {
  bool changed = false;
};
// The file was not changed, because pods have addresses outside of the wanted ranges.
struct ConflistKept {
  std::string why;
};
using ConflistOutcome = std::variant<ConflistHolds, ConflistKept>;

// Returns the name of the first network config in `directory` that sorts before kpol's, or nullopt
// if there is none. Container runtimes use the first file by name (libcni ConfFiles: *.conf,
// *.conflist and *.json).
std::optional<std::string> configBefore(const std::filesystem::path& directory);

// Writes `wanted` to `directory`/10-kpol.conflist with node::writeFile, unless the file has this
// content already. Does not write while a pod of this network, according to the leases in
// wanted.stateDir, has an address outside of the wanted ranges: other nodes would lose the route to
// it. Throws base::Error if the file cannot be written, the leases cannot be read, or the plugin
// would reject the ranges (conf::ConfigError).
ConflistOutcome keepConflist(const std::filesystem::path& directory, const conf::Conflist& wanted);

}  // namespace kpol::node
