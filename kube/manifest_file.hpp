// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/object.hpp"
#include "policy/diagnostic.hpp"

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <vector>

namespace kpol::kube {

// Whether a directory entry of this name is read: *.yaml, *.yml or *.json, not hidden.
bool isManifestName(const std::string& name);

// The names in `directory` that are read. If it cannot be listed, sets `error` and returns none.
std::set<std::string> listManifests(const std::filesystem::path& directory, std::error_code& error);

// The current content of a file.
struct ManifestFile {
  bool gone = false;
  // nullopt if the file cannot be read or has an error.
  std::optional<std::vector<Object>> objects;
  std::string text;  // empty if the file cannot be read
  std::vector<policy::Diagnostic> diagnostics;
};
ManifestFile decodeManifestFile(std::string text, const std::string& name);
ManifestFile readManifestFile(const std::filesystem::path& directory, const std::string& name);

}  // namespace kpol::kube
