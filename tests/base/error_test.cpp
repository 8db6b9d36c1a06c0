// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace kpol::base {
namespace {

TEST(Error, KeepsItsMessage) {
  EXPECT_STREQ(Error("cannot fly").what(), "cannot fly");
}

TEST(SystemError, MessageHasOperationAndReason) {
  const SystemError error("open /etc/kpol/kpold.yaml", ENOENT);
  EXPECT_STREQ(error.what(), "open /etc/kpol/kpold.yaml: No such file or directory");
  EXPECT_EQ(error.code(), ENOENT);
}

TEST(SystemError, IsCaughtAsError) {
  EXPECT_THROW(throw SystemError("x", EIO), Error);
}

TEST(Expects, PassesWhenTrue) {
  expects(true, "never seen");
}

TEST(ExpectsDeathTest, AbortsAndPrintsTheLocation) {
  EXPECT_DEATH(expects(false, "sets are sorted"),
               "kpol: bug at .*error_test\\.cpp:[0-9]+ in .*: sets are sorted");
}

}  // namespace
}  // namespace kpol::base
