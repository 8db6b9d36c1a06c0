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

// Whether a directory entry of this name is read: *.yaml, *.yml, *.json, not hidden.
bool isManifestName(const std::string& name);

// The names in `directory` that are read; nothing and `error` when it cannot be listed.
std::set<std::string> listManifests(const std::filesystem::path& directory, std::error_code& error);

// What a file says now.
struct ManifestFile {
  bool gone = false;
  // Nothing when the file cannot be read or has an error.
  std::optional<std::vector<Object>> objects;
  std::string text;  // that gave the objects
  std::vector<policy::Diagnostic> diagnostics;
};
ManifestFile decodeManifestFile(std::string text, const std::string& name);
ManifestFile readManifestFile(const std::filesystem::path& directory, const std::string& name);

}  // namespace kpol::kube
