// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/asio.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>

namespace kpol::base {

// Waits for a descriptor that somebody else owns and reads. One coroutine.
class Readable {
 public:
  // Throws SystemError.
  Readable(const asio::any_io_executor& executor, int fd);

  // Returns when the descriptor may be read without blocking. Throws
  // boost::system::system_error, with operation_aborted when the coroutine is cancelled.
  Task<> wait();

 private:
  asio::posix::stream_descriptor descriptor_;  // a duplicate, because Asio closes what it is given
};

}  // namespace kpol::base
