// SPDX-License-Identifier: Apache-2.0
#include "node/atomic_file.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace kpol::node {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kPermissions = 07777;

void must(int result, const std::string& what) {
  if (result < 0) throw base::SystemError(what, errno);
}

void makeDirectories(const fs::path& directory) {
  std::error_code error;
  fs::create_directories(directory, error);
  if (error) throw base::SystemError("create directory " + directory.string(), error.value());
}

// Removes temporary files of earlier processes that died while they wrote.
void removeLeftovers(const fs::path& directory, const std::string& prefix) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored))
    if (entry.path().filename().string().starts_with(prefix)) fs::remove(entry.path(), ignored);
}

void writeAll(int fd, std::string_view bytes, const std::string& path) {
  while (!bytes.empty()) {
    const auto written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    must(written < 0 ? -1 : 0, "write " + path);
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void syncDirectory(const fs::path& directory) {
  const base::UniqueFd fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  must(fd.value(), "open " + directory.string());
  must(::fsync(fd.value()), "sync " + directory.string());
}

// A file with a temporary name. The destructor removes it unless it was renamed.
class Temporary {
 public:
  Temporary(const fs::path& directory, const std::string& prefix)
      : path_((directory / (prefix + "XXXXXX")).string()),
        fd_(::mkostemp(path_.data(), O_CLOEXEC)) {
    if (!fd_) throw base::SystemError("write a file in " + directory.string(), errno);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;
  ~Temporary() {
    if (!renamed_) ::unlink(path_.c_str());
  }

  void fill(const std::string& bytes, mode_t mode) {
    writeAll(fd_.value(), bytes, path_);
    must(::fchmod(fd_.value(), mode), "set the mode of " + path_);
    must(::fsync(fd_.value()), "sync " + path_);
    // Close it: a program that is open for writing cannot be executed (ETXTBSY).
    fd_.reset();
  }
  void rename(const fs::path& target) {
    must(::rename(path_.c_str(), target.c_str()), "rename " + path_ + " to " + target.string());
    renamed_ = true;
  }

 private:
  std::string path_;
  base::UniqueFd fd_;
  bool renamed_ = false;
};

}  // namespace

std::optional<std::string> readFile(const fs::path& path) {
  const base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) return std::nullopt;
  must(fd.value(), "open " + path.string());
  std::string bytes;
  std::array<char, 65536> buffer{};
  for (;;) {
    const auto got = ::read(fd.value(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    must(got < 0 ? -1 : 0, "read " + path.string());
    if (got == 0) return bytes;
    bytes.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

Written writeFile(const fs::path& path, const std::string& bytes, mode_t mode) {
  struct stat status {};
  const bool exists = ::lstat(path.c_str(), &status) == 0;
  if (exists && S_ISREG(status.st_mode) && (status.st_mode & kPermissions) == mode &&
      readFile(path) == bytes)
    return Written::Unchanged;
  const auto directory = path.parent_path();
  if (!exists) makeDirectories(directory);
  const auto prefix = "." + path.filename().string() + ".kpol-";
  removeLeftovers(directory, prefix);
  Temporary file(directory, prefix);
  file.fill(bytes, mode);
  file.rename(path);
  syncDirectory(directory);
  return exists ? Written::Replaced : Written::New;
}

}  // namespace kpol::node
