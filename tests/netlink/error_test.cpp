// SPDX-License-Identifier: Apache-2.0
#include "netlink/error.hpp"

#include <gtest/gtest.h>

#include <cerrno>

namespace kpol::netlink {
namespace {

TEST(NetlinkError, MessageHasOperationReasonAndExtack) {
  const Error error("add link kpol0", EINVAL, "mtu less than device minimum");
  EXPECT_STREQ(error.what(), "add link kpol0: Invalid argument (mtu less than device minimum)");
  EXPECT_EQ(error.op(), "add link kpol0");
  EXPECT_EQ(error.code(), EINVAL);
  EXPECT_EQ(error.extack(), "mtu less than device minimum");
}

TEST(NetlinkError, OmitsAnEmptyExtack) {
  EXPECT_STREQ(Error("list links", EPERM).what(), "list links: Operation not permitted");
}

TEST(NetlinkError, IsCaughtAsBaseError) {
  EXPECT_THROW(throw Error("x", EIO), base::Error);
}

}  // namespace
}  // namespace kpol::netlink
