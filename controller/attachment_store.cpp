// SPDX-License-Identifier: Apache-2.0
#include "controller/attachment_store.hpp"

#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string_view>

namespace kpol::controller {
namespace {

constexpr std::string_view kTemporarySuffix = ".tmp";

[[noreturn]] void failOnFile(const std::string& what, const std::filesystem::path& path) {
  const int code = errno;
  throw base::SystemError(what + " " + path.string(), code);
}

void makeDirectory(const std::filesystem::path& directory) {
  if (directory.empty() || std::filesystem::exists(directory)) return;
  makeDirectory(directory.parent_path());
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST)
    failOnFile("cannot create the directory", directory);
}

void writeAll(int fd, std::string_view text, const std::filesystem::path& path) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) failOnFile("cannot write", path);
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

// fsync the file before the rename: rename(2) orders nothing, so the new name may reach the disk
// first, and a power failure would leave an empty file under the final name. The directory is not
// fsynced: a name lost in a power failure does no harm, because the pods are lost too.
void writeDurably(const std::filesystem::path& path, std::string_view text) {
  const base::UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  if (!file) failOnFile("cannot create", path);
  writeAll(file.value(), text, path);
  if (::fsync(file.value()) != 0) failOnFile("cannot sync", path);
}

std::string readFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) failOnFile("cannot open", path);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (file.bad()) failOnFile("cannot read", path);
  return text;
}

}  // namespace

AttachmentStore::AttachmentStore(std::filesystem::path stateDir) : stateDir_(std::move(stateDir)) {
  makeDirectory(stateDir_ / "attachments");
}

AttachmentStore::Loaded AttachmentStore::load() {
  Loaded loaded;
  for (const auto& entry : std::filesystem::directory_iterator(stateDir_ / "attachments")) {
    const auto& path = entry.path();
    if (path.extension() == kTemporarySuffix) {
      std::filesystem::remove(path);
      continue;
    }
    try {
      auto attachment = conf::parseAttachment(readFile(path));
      // save() and remove() of this attachment would not find a file of another name.
      if (stateDir_ / conf::fileOf(conf::idOf(attachment)) != path)
        throw base::Error("contains an attachment that belongs in another file");
      loaded.attachments.push_back(std::move(attachment));
    } catch (const base::Error& error) {
      loaded.broken.push_back(path.string() + ": " + error.what());
    }
  }
  std::sort(loaded.broken.begin(), loaded.broken.end());
  std::sort(loaded.attachments.begin(), loaded.attachments.end(),
            [](const auto& a, const auto& b) { return conf::idOf(a) < conf::idOf(b); });
  return loaded;
}

void AttachmentStore::save(const conf::Attachment& attachment) {
  const std::filesystem::path path = stateDir_ / conf::fileOf(conf::idOf(attachment));
  std::filesystem::path temporary = path;
  temporary += kTemporarySuffix;
  try {
    writeDurably(temporary, conf::print(attachment));
    if (::rename(temporary.c_str(), path.c_str()) != 0)
      failOnFile("cannot rename into place", path);
  } catch (const base::SystemError&) {
    ::unlink(temporary.c_str());  // on a full disk it may exist, without content
    throw;
  }
}

void AttachmentStore::remove(const conf::AttachmentId& id) {
  const std::filesystem::path path = stateDir_ / conf::fileOf(id);
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) failOnFile("cannot remove", path);
}

}  // namespace kpol::controller
