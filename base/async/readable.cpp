// SPDX-License-Identifier: Apache-2.0
#include "base/async/readable.hpp"

#include "base/error.hpp"

#include <fcntl.h>

#include <cerrno>

namespace kpol::base {
namespace {

int duplicate(int fd) {
  const int copy = ::fcntl(fd, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw SystemError("cannot duplicate a descriptor", errno);
  return copy;
}

}  // namespace

Readable::Readable(const asio::any_io_executor& executor, int fd)
    : descriptor_(executor, duplicate(fd)) {}

Task<> Readable::wait() {
  co_await descriptor_.async_wait(asio::posix::stream_descriptor::wait_read, asio::use_awaitable);
}

}  // namespace kpol::base
