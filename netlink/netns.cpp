// SPDX-License-Identifier: Apache-2.0
#include "netlink/netns.hpp"

#include "netlink/error.hpp"

#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cerrno>

namespace kpol::netlink {
namespace {

// Not /proc/self, which is the process's first thread: namespaces belong to threads.
constexpr const char* kOwn = "/proc/thread-self/ns/net";

}  // namespace

Netns Netns::open(const std::string& path) {
  // O_NONBLOCK: if the path is a FIFO, fail instead of blocking.
  base::UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd) throw base::SystemError("open network namespace " + path, errno);
  // Files that are not namespaces do not have this ioctl (ENOTTY).
  if (::ioctl(fd.value(), NS_GET_NSTYPE) != CLONE_NEWNET)
    throw Error("open network namespace " + path, EINVAL, "not a network namespace");
  return Netns(std::move(fd));
}

Netns Netns::current() {
  return open(kOwn);
}

Netns::Id Netns::id() const {
  struct stat status {};
  if (::fstat(fd(), &status) != 0) throw base::SystemError("stat a network namespace", errno);
  return {status.st_dev, status.st_ino};
}

Netns::Guard Netns::enter() const {
  base::UniqueFd previous(::open(kOwn, O_RDONLY | O_CLOEXEC));
  if (!previous) throw base::SystemError(std::string("open ") + kOwn, errno);
  if (::setns(fd(), CLONE_NEWNET) != 0) throw base::SystemError("enter a network namespace", errno);
  return Guard(std::move(previous));
}

Netns::Guard::~Guard() {
  base::expects(::setns(previous_.value(), CLONE_NEWNET) == 0,
                "cannot return to the previous network namespace");
}

}  // namespace kpol::netlink
