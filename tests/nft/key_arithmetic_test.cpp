// SPDX-License-Identifier: Apache-2.0
#include "nft/key_arithmetic.hpp"

#include "tests/nft/values.hpp"

#include <gtest/gtest.h>

namespace kpol::nft {
namespace {

using test::ip;
using test::port;

TEST(KeyArithmetic, StepsAcrossBytes) {
  EXPECT_EQ(next(ip("10.0.0.255")), ip("10.0.1.0"));
  EXPECT_EQ(previous(ip("10.0.1.0")), ip("10.0.0.255"));
  EXPECT_EQ(next(ip("fd00::ffff:ffff")), ip("fd00::1:0:0"));
  EXPECT_EQ(previous(port(256)), port(255));
}

TEST(KeyArithmetic, StopsAtMinimumAndMaximum) {
  EXPECT_EQ(next(ip("255.255.255.255")), std::nullopt);
  EXPECT_EQ(previous(ip("0.0.0.0")), std::nullopt);
  EXPECT_EQ(next(ip("255.255.255.254")), ip("255.255.255.255"));
  EXPECT_EQ(greatest(4), ip("255.255.255.255"));
  EXPECT_EQ(greatest(2), port(65535));
}

TEST(KeyArithmetic, Masks) {
  EXPECT_EQ(maskOf(0, 4), ip("0.0.0.0"));
  EXPECT_EQ(maskOf(12, 4), ip("255.240.0.0"));
  EXPECT_EQ(maskOf(32, 4), ip("255.255.255.255"));
  EXPECT_EQ(masked(ip("172.31.1.1"), 12), ip("172.16.0.0"));
  EXPECT_EQ(masked(ip("fe80::1"), 10), ip("fe80::"));
}

TEST(KeyArithmetic, ReadsTheLengthOfAMask) {
  for (std::uint16_t bits = 0; bits <= 128; ++bits) EXPECT_EQ(maskLength(maskOf(bits, 16)), bits);
  EXPECT_EQ(maskLength(ip("255.0.255.0")), std::nullopt);
  EXPECT_EQ(maskLength(ip("0.0.0.1")), std::nullopt);
}

}  // namespace
}  // namespace kpol::nft
