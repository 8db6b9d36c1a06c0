// SPDX-License-Identifier: Apache-2.0
#include "base/mac_address.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kpol::base {
namespace {

using namespace std::string_literals;

TEST(MacAddress, ReadsEitherCaseAndPrintsLower) {
  const MacAddress expected{{0x02, 0x00, 0x5E, 0x10, 0xAB, 0xFF}};
  EXPECT_EQ(MacAddress::parse("02:00:5e:10:ab:ff"), expected);
  EXPECT_EQ(MacAddress::parse("02:00:5E:10:AB:FF"), expected);
  EXPECT_EQ(toString(expected), "02:00:5e:10:ab:ff");
}

TEST(MacAddress, DefaultIsAllZeros) {
  EXPECT_EQ(toString(MacAddress()), "00:00:00:00:00:00");
}

class MacAddressRefused : public testing::TestWithParam<std::string> {};

TEST_P(MacAddressRefused, OtherForms) {
  EXPECT_EQ(MacAddress::parse(GetParam()), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(All, MacAddressRefused,
                         testing::Values("", "02:00:5e:10:00", "02:00:5e:10:00:01:02",
                                         "02-00-5e-10-00-01", "02:00:5e:10:00:0g",
                                         "02:00:5e:10:00:-1", "02:00:5e:10:00:+1",
                                         "02:00:5e:10:00: 1", "0x:00:5e:10:00:01", "0200.5e10.0001",
                                         "2:0:5e:10:0:1", "02:00:5e:10:00:01 ",
                                         "02:00:5e:10:0001:", "02:00:5e:10:00:1\0"s));

TEST(MacAddress, ComparesByBytes) {
  EXPECT_LT(MacAddress::parse("02:00:00:00:00:ff"), MacAddress::parse("02:00:00:00:01:00"));
}

}  // namespace
}  // namespace kpol::base
