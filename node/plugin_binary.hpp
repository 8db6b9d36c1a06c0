// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "node/atomic_file.hpp"

#include <filesystem>
#include <string>

// The CNI plugin in the directory where the container runtime finds it.
namespace kpol::node {

constexpr const char* kPluginName = "kpol";  // the `type` in the network config

// The path of the plugin that was delivered with this program: `kpol` in the same directory. Throws
// base::SystemError.
std::filesystem::path pluginBesideThisProgram();

// Whether these bytes are the plugin's executable, of any version: an ELF file with the plugin's
// mark.
bool isPlugin(const std::string& bytes);

// Copies `source` to `directory`/kpol, executable and atomically: a pod that starts meanwhile runs
// either the complete old or the complete new plugin. Throws base::Error, with the remedy, if
// `source` does not exist or is not the plugin, and base::SystemError if the directory cannot be
// written.
Written installPlugin(const std::filesystem::path& source, const std::filesystem::path& directory);

}  // namespace kpol::node
