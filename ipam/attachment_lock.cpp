// SPDX-License-Identifier: Apache-2.0
#include "ipam/attachment_lock.hpp"

#include "base/error.hpp"
#include "ipam/directory.hpp"

#include <fcntl.h>
#include <sys/mman.h>

#include <cerrno>
#include <cstdint>
#include <string_view>

namespace kpol::ipam {
namespace {

constexpr const char* kFile = "attachments.lock";

// FNV-1a, as a file offset.
off_t byteOf(const conf::AttachmentId& id) {
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const std::string_view part :
       {std::string_view(id.containerId), std::string_view(id.ifName)})
    for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return static_cast<off_t>(hash >> 2);
}

// DEL must not fail because a full disk cannot hold the lock's file. If the file does not exist, no
// other process can have the lock, so a file without a name does as well.
base::UniqueFd openOrSubstitute(const std::string& stateDir) {
  try {
    return openLockFile(stateDir, kFile);
  } catch (const base::SystemError& error) {
    if (!isFull(error.code())) throw;
  }
  base::UniqueFd fd(::memfd_create(kFile, MFD_CLOEXEC));
  if (!fd) throw base::SystemError("memfd_create", errno);
  return fd;
}

}  // namespace

AttachmentLock::AttachmentLock(const std::string& stateDir, const conf::AttachmentId& id,
                               std::chrono::milliseconds patience)
    : fd_(openOrSubstitute(stateDir)) {
  // An open file description lock: unlike a process lock, it is not released when the process
  // closes another descriptor of the file.
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = byteOf(id);
  lock.l_len = 1;
  takeLock("of container " + id.containerId + " interface " + id.ifName, patience,
           [&] { return ::fcntl(fd_.value(), F_OFD_SETLK, &lock) == 0; });
}

}  // namespace kpol::ipam
