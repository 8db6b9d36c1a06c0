// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

// Files that other programs may read, or run, at any moment.
namespace kpol::node {

// Returns the bytes of the file, or nullopt if it does not exist. Throws base::SystemError.
std::optional<std::string> readFile(const std::filesystem::path& path);

enum class Written { Unchanged, New, Replaced };

// Makes `path` a regular file with these bytes and this mode. At any moment, also after a power
// failure, either the old or the new file is there: a temporary file is written, fsynced and
// renamed to `path`. It is in the same directory, because containerd notices only renames within
// the directory. Its name begins with a dot, and has no extension that a container runtime loads.
// Writes nothing if bytes and mode are already correct. Creates the directory if it does not exist.
// Throws base::SystemError, and then leaves no temporary file; if only the final fsync of the
// directory failed, the new file is in place.
Written writeFile(const std::filesystem::path& path, const std::string& bytes, mode_t mode);

}  // namespace kpol::node
