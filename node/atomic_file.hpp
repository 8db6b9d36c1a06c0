// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>

// Files that somebody else may read, or run, at any moment.
namespace kpol::node {

// The file's bytes; nothing where there is none. Throws base::SystemError.
std::optional<std::string> readFile(const std::filesystem::path& path);

enum class Written { Unchanged, New, Replaced };

// Makes `path` a regular file with these bytes and this mode. At every moment, also after a power
// failure, there is the file as it was or as it is to be: a temporary file beside it is written,
// synced and renamed over it. The temporary name begins with a dot and has none of the endings that
// a container runtime loads; containerd sees the rename only within the directory. Nothing is
// written where bytes and mode are as wanted already. Makes the directory where it is absent.
// Throws base::SystemError; then nothing is left behind.
Written writeFile(const std::filesystem::path& path, const std::string& bytes, mode_t mode);

}  // namespace kpol::node
