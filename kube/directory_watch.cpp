// SPDX-License-Identifier: Apache-2.0
#include "kube/directory_watch.hpp"

#include "base/error.hpp"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <map>
#include <string_view>
#include <utility>

namespace kpol::kube {
namespace {

// IN_MODIFY does not cause a file to be read; it shows that the file is incomplete (again).
// IN_ATTRIB reports that the permissions of an unreadable file were corrected.
constexpr std::uint32_t kDirectoryMask = IN_CLOSE_WRITE | IN_MODIFY | IN_CREATE | IN_ATTRIB |
                                         IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_DELETE_SELF |
                                         IN_MOVE_SELF;
constexpr std::uint32_t kAncestorMask = IN_CREATE | IN_MOVED_TO | IN_DELETE_SELF | IN_MOVE_SELF;
// IN_MASK_ADD: the path may lead through a symlink back to the ancestor, and one inode has only one
// watch.
constexpr std::uint32_t kFlags = IN_ONLYDIR | IN_EXCL_UNLINK | IN_MASK_ADD;
constexpr std::uint32_t kSelfGone = IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED | IN_UNMOUNT;

// Kubernetes replaces all files of a ConfigMap volume at once: they are symlinks into "..data",
// itself a symlink that is replaced by rename(2) (pkg/volume/util/atomic_writer.go).
constexpr std::string_view kAtomicWriterLink = "..data";

std::filesystem::path normal(const std::filesystem::path& path) {
  auto result = std::filesystem::absolute(path).lexically_normal();
  return result.has_filename() ? result : result.parent_path();
}

// Whether a created entry that was not written to since is already complete: a symlink, a hard
// link, or a file linked with its content (O_TMPFILE and linkat). A new empty file was most likely
// opened for writing.
bool isCompleteAtOnce(const std::filesystem::path& path) {
  struct stat status {};
  if (::lstat(path.c_str(), &status) != 0) return true;  // already removed
  return !S_ISREG(status.st_mode) || status.st_nlink > 1 || status.st_size > 0;
}

}  // namespace

struct DirectoryWatch::Batch {
  Changes changes;
  std::set<std::string> created;               // and no event since
  std::map<std::uint32_t, std::string> moved;  // moved away, by cookie; new name not yet known
};

DirectoryWatch::DirectoryWatch(std::filesystem::path directory)
    : directory_(normal(directory)), inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (!inotify_) throw base::SystemError("inotify_init1", errno);
  attach();
  if (!attached()) {
    // Repeated to get its errno.
    ::inotify_add_watch(fd(), directory_.c_str(), kDirectoryMask | kFlags);
    throw base::SystemError("watch directory " + directory_.string(), errno);
  }
}

// Watches the nearest existing ancestor. If that is not the parent and the next directory was
// created meanwhile, tries again.
void DirectoryWatch::watchAncestor() {
  constexpr int kTries = 8;
  for (int i = 0; i < kTries; ++i) {
    std::filesystem::path entry = directory_;
    int watch = -1;
    while (watch < 0 && entry.has_relative_path()) {
      ancestorEntry_ = entry.filename().string();
      entry = entry.parent_path();
      watch = ::inotify_add_watch(fd(), entry.c_str(), kAncestorMask | kFlags);
    }
    const int old = std::exchange(ancestorWatch_, watch);
    if (old >= 0 && old != watch && old != directoryWatch_) ::inotify_rm_watch(fd(), old);
    const bool nearest = watch < 0 || entry / ancestorEntry_ == directory_;
    std::error_code ignored;  // a path that cannot be followed counts as missing
    if (nearest || !std::filesystem::exists(entry / ancestorEntry_, ignored)) return;
  }
}

void DirectoryWatch::attach() {
  watchAncestor();
  const int watch = ::inotify_add_watch(fd(), directory_.c_str(), kDirectoryMask | kFlags);
  const int old = std::exchange(directoryWatch_, watch);
  if (old >= 0 && old != watch && old != ancestorWatch_) ::inotify_rm_watch(fd(), old);
}

DirectoryWatch::Changes DirectoryWatch::drain() {
  Batch batch;
  attachDue_ = attachDue_ || !attached();
  readAll(batch);
  while (attachDue_) {
    attachDue_ = false;
    const int old = directoryWatch_;
    attach();
    if (directoryWatch_ != old) {
      writing_.clear();
      batch.changes.rescan = true;
    }
    readAll(batch);  // removing a watch causes an event too
  }
  settleCreated(batch);
  // A file may have been renamed within the directory while only the first of the two events is in
  // the queue. It must not look deleted; a rescan finds it under its new name.
  if (!batch.moved.empty()) batch.changes.rescan = true;
  for (const std::string& name : writing_) batch.changes.names.erase(name);
  return std::move(batch.changes);
}

void DirectoryWatch::settleCreated(Batch& batch) {
  for (const std::string& name : batch.created) {
    if (isCompleteAtOnce(directory_ / name)) {
      batch.changes.names.insert(name);
    } else {
      writing_.insert(name);
    }
  }
}

void DirectoryWatch::readAll(Batch& batch) {
  while (readEvents(batch)) {
  }
}

// Returns false if the queue is empty.
bool DirectoryWatch::readEvents(Batch& batch) {
  alignas(inotify_event) std::array<char, 65536> buffer;
  const ssize_t size = ::read(fd(), buffer.data(), buffer.size());
  if (size < 0 && errno != EAGAIN && errno != EINTR) throw base::SystemError("read inotify", errno);
  if (size <= 0) return size < 0 && errno == EINTR;
  for (std::size_t at = 0; at < static_cast<std::size_t>(size);) {
    const auto& event = *reinterpret_cast<const inotify_event*>(buffer.data() + at);
    takeEvent(event, batch);
    at += sizeof event + event.len;
  }
  return true;
}

void DirectoryWatch::takeEvent(const inotify_event& event, Batch& batch) {
  if ((event.mask & IN_Q_OVERFLOW) != 0) {
    writing_.clear();
    batch = {};
    batch.changes.rescan = true;
    attachDue_ = true;
    return;
  }
  const bool selfGone = (event.mask & kSelfGone) != 0;
  if (event.wd == ancestorWatch_) {
    const bool named = event.len > 0 && ancestorEntry_ == event.name;
    if (selfGone || named) attachDue_ = true;
    if (selfGone && (event.mask & IN_IGNORED) != 0) ancestorWatch_ = -1;
  }
  if (event.wd != directoryWatch_) return;
  if (selfGone) {
    attachDue_ = true;
    if ((event.mask & IN_IGNORED) != 0) directoryWatch_ = -1;
  } else if (event.len > 0) {
    takeEntryEvent(event, batch);
  }
}

void DirectoryWatch::takeEntryEvent(const inotify_event& event, Batch& batch) {
  const std::string name = event.name;
  if ((event.mask & IN_MODIFY) != 0) {
    batch.created.erase(name);
    batch.changes.names.erase(name);
    writing_.insert(name);
  } else if ((event.mask & IN_CREATE) != 0) {
    batch.changes.names.erase(name);
    batch.created.insert(name);
  } else if ((event.mask & IN_ATTRIB) != 0) {
    if (!batch.created.contains(name)) batch.changes.names.insert(name);
  } else {
    writing_.erase(name);
    batch.created.erase(name);
    batch.changes.names.insert(name);
    if ((event.mask & IN_MOVED_FROM) != 0) batch.moved.emplace(event.cookie, name);
    if ((event.mask & IN_MOVED_TO) != 0) {
      batch.moved.erase(event.cookie);
      if (name == kAtomicWriterLink) batch.changes.rescan = true;
    }
  }
}

}  // namespace kpol::kube
