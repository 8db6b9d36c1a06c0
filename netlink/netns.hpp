// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "base/unique_fd.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <utility>

namespace kpol::netlink {

// A network namespace held open by a descriptor.
class Netns {
 public:
  // Opens a bind mount or /proc/PID/ns/net. Throws base::SystemError (ENOENT: no such path), and
  // netlink::Error with EINVAL when the path is not a network namespace (NS_GET_NSTYPE,
  // ioctl_ns(2)).
  static Netns open(const std::string& path);
  // That of the calling thread.
  static Netns current();

  // Inode and device: equal for two handles of one namespace.
  struct Id {
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    auto operator<=>(const Id&) const = default;
  };
  [[nodiscard]] Id id() const;
  [[nodiscard]] int fd() const noexcept { return fd_.value(); }

  // While the guard lives the calling thread is in this namespace: sockets opened by it belong
  // there. Leaving restores the thread's former namespace and ends the process if that fails (a
  // thread in the wrong namespace must not go on). Guards nest; they stay on their thread.
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
