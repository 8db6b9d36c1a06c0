// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <filesystem>

namespace kpol::controller {

// Another process answers on the socket.
class SocketInUse : public base::Error {
 public:
  using Error::Error;
};

// Throws SocketInUse when somebody listens at `path`; changes nothing.
void expectUnused(const std::filesystem::path& path);

// A listening Unix stream socket at `path`, mode 0600 from its first instant. One process at a time
// holds it: a lock on `path`.lock, held as long as this object lives, decides between two that
// start at once; the kernel drops it when its holder dies, so a stale socket never stands in the
// way. Missing directories are made (0755). The destructor removes the socket.
class ControlSocket {
 public:
  // Throws SocketInUse, or base::SystemError.
  explicit ControlSocket(std::filesystem::path path);
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;
  ~ControlSocket();

  // The listening descriptor; the path and the lock stay with this object.
  base::UniqueFd takeListener() { return std::move(listener_); }

 private:
  std::filesystem::path path_;
  base::UniqueFd lock_;
  base::UniqueFd listener_;
};

}  // namespace kpol::controller
