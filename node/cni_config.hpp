// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/conflist.hpp"

#include <filesystem>
#include <string>
#include <variant>

// The file by which a container runtime learns that the node has a network, and which.
namespace kpol::node {

constexpr const char* kConflistName = "10-kpol.conflist";

// The file says what it is to say; `changed`: it did not before.
struct ConflistHolds {
  bool changed = false;
};
// It stays as it is, for pods hold addresses that the wanted ranges do not have.
struct ConflistKept {
  std::string why;
};
using ConflistOutcome = std::variant<ConflistHolds, ConflistKept>;

// Makes `directory`/10-kpol.conflist say `wanted`, as node::writeFile does. Refuses while a pod of
// this network, by the leases below wanted.stateDir, has an address outside of the wanted ranges:
// other nodes would not find it any more. Throws base::Error: the file cannot be written, the
// leases cannot be read, the plugin could not use the ranges (conf::ConfigError).
ConflistOutcome keepConflist(const std::filesystem::path& directory, const conf::Conflist& wanted);

}  // namespace kpol::node
