// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"

#include <memory>

namespace kpol::base {

// Waits until a descriptor is readable. The caller owns the descriptor and reads from it. For one
// coroutine at a time.
class Readable {
 public:
  // Throws SystemError.
  Readable(const asio::any_io_executor& executor, int fd);
  ~Readable();

  // Returns when the descriptor can be read without blocking. Throws
  // boost::system::system_error, with operation_aborted when the coroutine is cancelled.
  Task<> wait();

 private:
  struct Descriptor;
  std::unique_ptr<Descriptor> descriptor_;
};

}  // namespace kpol::base
