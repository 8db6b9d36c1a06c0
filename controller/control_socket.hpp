// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <filesystem>

namespace kpol::controller {

// Another process listens on the socket.
class SocketInUse : public base::Error {
 public:
  using Error::Error;
};

// Throws SocketInUse if a process listens at `path`, or base::SystemError. Changes nothing.
void expectUnused(const std::filesystem::path& path);

// A listening Unix stream socket at `path`, created with mode 0600. One process at a time owns it:
// a lock on `path`.lock, held while this object lives, decides if two processes start at once. The
// kernel releases the lock when its owner exits, so a stale socket does not prevent a start.
// Missing parent directories are created with mode 0777 less the umask. The destructor removes the
// socket.
class ControlSocket {
 public:
  // Throws SocketInUse, base::SystemError, or std::filesystem::filesystem_error if a directory
  // cannot be created.
  explicit ControlSocket(std::filesystem::path path);
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  ~ControlSocket();

  // Moves the listening descriptor out. This object keeps the path and the lock.
  base::UniqueFd takeListener() { return std::move(listener_); }

 private:
  std::filesystem::path path_;
  base::UniqueFd lock_;
  base::UniqueFd listener_;
};

}  // namespace kpol::controller
