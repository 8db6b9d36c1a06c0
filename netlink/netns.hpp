// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

namespace kpol::netlink {

// A network namespace, kept open by a descriptor.
class Netns {
 public:
  // Opens a bind mount or /proc/PID/ns/net. Throws base::SystemError (ENOENT: no such path), and
  // netlink::Error with EINVAL when the path is not a network namespace (NS_GET_NSTYPE,
  // ioctl_ns(2)).
  static Netns open(const std::string& path);
  // The network namespace of the calling thread.
  static Netns current();

  // Device and inode. Equal for two handles of the same namespace.
  struct Id {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    auto operator<=>(const Id&) const = default;
  };
  [[nodiscard]] Id id() const;
  [[nodiscard]] int fd() const noexcept { return fd_.value(); }

  // Moves the calling thread into this namespace for the lifetime of the guard. Sockets that the
  // thread opens belong to the namespace. The destructor restores the previous namespace and aborts
  // the process if that fails, because a thread must not continue in the wrong namespace. Guards
  // can be nested, and must stay on their thread.
  class Guard {
   public:
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;
    ~Guard();

   private:
    friend class Netns;
    explicit Guard(base::UniqueFd previous) : previous_(std::move(previous)) {}
    base::UniqueFd previous_;
  };
  [[nodiscard]] Guard enter() const;

 private:
  explicit Netns(base::UniqueFd fd) : fd_(std::move(fd)) {}
  base::UniqueFd fd_;
};

}  // namespace kpol::netlink
