// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "node/atomic_file.hpp"

#include <filesystem>
#include <string>

// The CNI plugin where the container runtime finds it.
namespace kpol::node {

constexpr const char* kPluginName = "kpol";  // as `type` of the network config names it

// The plugin that came with this very program: `kpol` beside it. Throws base::SystemError.
std::filesystem::path pluginBesideThisProgram();

// Whether a file with these bytes is the plugin, of whatever version: it bears its mark.
bool isPlugin(const std::string& bytes);

// Copies `source` to `directory`/kpol, executable, in one step: pods that are being started
// meanwhile run the old one or the new one, whole. Throws base::Error that says what to do when
// there is no such source, when it is not the plugin, and when the directory cannot be written.
Written installPlugin(const std::filesystem::path& source, const std::filesystem::path& directory);

}  // namespace kpol::node
