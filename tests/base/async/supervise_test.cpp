// SPDX-License-Identifier: Apache-2.0
#include "base/async/supervise.hpp"

#include "base/async/asio.hpp"
#include "base/async/task_group.hpp"
#include "base/error.hpp"

#include <gtest/gtest.h>

namespace kpol::base {
namespace {

Task<> failTwice(int& runs) {
  ++runs;
  if (runs == 1) throw Error("the first time");
  if (runs == 2) throw boost::system::system_error(asio::error::connection_reset);
  co_return;
}

Task<> cancelled(int& runs) {
  ++runs;
  throw boost::system::system_error(asio::error::operation_aborted);
  co_return;
}

TEST(Supervise, RestartsUntilTheTaskReturns) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  int runs = 0;
  group.spawn(supervise("a test", [&runs] { return failTwice(runs); }));
  io.run();
  EXPECT_EQ(runs, 3);
}

TEST(Supervise, StopsWhenCancelled) {
  asio::io_context io;
  TaskGroup group(io.get_executor());
  int runs = 0;
  group.spawn(supervise("a test", [&runs] { return cancelled(runs); }));
  io.run();
  EXPECT_EQ(runs, 1);
}

}  // namespace
}  // namespace kpol::base
