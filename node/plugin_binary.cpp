// SPDX-License-Identifier: Apache-2.0
#include "node/plugin_binary.hpp"

#include "base/error.hpp"
#include "conf/plugin_mark.hpp"

#include <cerrno>
#include <string_view>

namespace kpol::node {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kExecutable = 0755;
constexpr std::string_view kElf = "\177ELF";

}  // namespace

fs::path pluginBesideThisProgram() {
  std::error_code error;
  const auto self = fs::read_symlink("/proc/self/exe", error);
  if (error)
    throw base::SystemError("find the plugin next to kpold (set --plugin-binary): /proc/self/exe",
                            error.value());
  return self.parent_path() / kPluginName;
}

bool isPlugin(const std::string& bytes) {
  const auto line = std::string(conf::kPluginMark) + "\n";
  return bytes.starts_with(kElf) && bytes.find(line) != std::string::npos;
}

Written installPlugin(const fs::path& source, const fs::path& directory) {
  const auto bytes = readFile(source);
  if (!bytes)
    throw base::SystemError(
        "install the plugin: " + source.string() + " (set --plugin-binary to the path of kpol)",
        ENOENT);
  if (!isPlugin(*bytes))
    throw base::Error("install the plugin: " + source.string() +
                      " is not kpol's plugin; set --plugin-binary to the path of kpol");
  return writeFile(directory / kPluginName, *bytes, kExecutable);
}

}  // namespace kpol::node
