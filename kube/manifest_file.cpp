// SPDX-License-Identifier: Apache-2.0
#include "kube/manifest_file.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "kube/manifest.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

namespace kpol::kube {
namespace {

constexpr std::array<std::string_view, 3> kExtensions = {".yaml", ".yml", ".json"};

// Throws base::SystemError.
std::string readAll(int fd) {
  constexpr std::size_t kChunk = std::size_t{1} << 20U;
  std::string text;
  for (std::size_t size = 0;;) {
    text.resize(size + kChunk);
    const ssize_t got = ::read(fd, text.data() + size, kChunk);
    if (got < 0 && errno != EINTR) throw base::SystemError("cannot be read", errno);
    if (got > 0) size += static_cast<std::size_t>(got);
    text.resize(size);
    if (got == 0) return text;
  }
}

// Returns nullopt if there is no such entry. Throws base::SystemError, or base::Error if it is not
// a regular file.
std::optional<std::string> readText(const std::filesystem::path& path) {
  // O_NONBLOCK: opening a FIFO must not block kpold.
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd) {
    const int code = errno;
    struct stat status {};
    // ENOENT for an existing entry: a symlink whose target is missing.
    if (code == ENOENT && ::lstat(path.c_str(), &status) != 0) return std::nullopt;
    throw base::SystemError("cannot be read", code);
  }
  struct stat status {};
  if (::fstat(fd.value(), &status) != 0) throw base::SystemError("cannot be read", errno);
  if (!S_ISREG(status.st_mode)) throw base::Error("is not a regular file");
  return readAll(fd.value());
}

}  // namespace

bool isManifestName(const std::string& name) {
  return !name.starts_with('.') && std::ranges::any_of(kExtensions, [&](auto extension) {
    return name.ends_with(extension);
  });
}

std::set<std::string> listManifests(const std::filesystem::path& directory,
                                    std::error_code& error) {
  std::set<std::string> names;
  std::filesystem::directory_iterator it(directory, error);
  for (const std::filesystem::directory_iterator end; !error && it != end; it.increment(error)) {
    const std::string name = it->path().filename().string();
    if (isManifestName(name)) names.insert(name);
  }
  if (error) names.clear();
  return names;
}

ManifestFile decodeManifestFile(std::string text, const std::string& name) {
  ManifestFile file;
  Manifests manifests = readManifests(text, name);
  if (!manifests.broken()) file.objects = std::move(manifests.objects);
  file.diagnostics = std::move(manifests.diagnostics);
  file.text = std::move(text);
  return file;
}

ManifestFile readManifestFile(const std::filesystem::path& directory, const std::string& name) {
  ManifestFile file;
  try {
    auto text = readText(directory / name);
    if (text) return decodeManifestFile(std::move(*text), name);
    file.gone = true;
  } catch (const base::Error& error) {
    file.diagnostics = {{policy::Diagnostic::Severity::Error, {}, {}, name + ": " + error.what()}};
  }
  return file;
}

}  // namespace kpol::kube
