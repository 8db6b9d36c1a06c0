// SPDX-License-Identifier: Apache-2.0
#include "base/async/readable.hpp"

#include "base/async/asio.hpp"
#include "base/error.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
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

// Holds a duplicate, because Asio closes the descriptor that it gets.
struct Readable::Descriptor {
  asio::posix::stream_descriptor stream;
};

Readable::Readable(const asio::any_io_executor& executor, int fd)
    : descriptor_(std::make_unique<Descriptor>(
          Descriptor{asio::posix::stream_descriptor(executor, duplicate(fd))})) {}
Readable::~Readable() = default;

Task<> Readable::wait() {
  co_await descriptor_->stream.async_wait(asio::posix::stream_descriptor::wait_read,
                                          asio::use_awaitable);
}

}  // namespace kpol::base
