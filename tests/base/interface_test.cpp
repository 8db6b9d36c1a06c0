// SPDX-License-Identifier: Apache-2.0
#include "base/interface.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kpol::base {
namespace {

using namespace std::string_literals;

class IfNameTaken : public testing::TestWithParam<std::string> {};

TEST_P(IfNameTaken, KeepsItsText) {
  const auto name = IfName::parse(GetParam());
  ASSERT_TRUE(name);
  EXPECT_EQ(name->text(), GetParam());
}

INSTANTIATE_TEST_SUITE_P(All, IfNameTaken,
                         testing::Values("lo", "eth0", "kpol0123456789a", "a", "eth0.100", "...",
                                         "veth@x", "br-\xC3\xA9", "%d"));

class IfNameRefused : public testing::TestWithParam<std::string> {};

TEST_P(IfNameRefused, AsTheKernelDoes) {
  EXPECT_EQ(IfName::parse(GetParam()), std::nullopt);
}

INSTANTIATE_TEST_SUITE_P(All, IfNameRefused,
                         testing::Values("", ".", "..", "kpol0123456789ab", "eth/0", "eth:0",
                                         "eth 0", " eth0", "eth0\n", "eth0\t", "eth\0"s,
                                         "eth\x7F"));

TEST(IfName, ComparesByText) {
  EXPECT_LT(IfName::parse("eth0"), IfName::parse("eth1"));
  EXPECT_EQ(IfName::parse("eth0"), IfName::parse("eth0"));
}

TEST(IfIndex, ComparesByValue) {
  EXPECT_LT(IfIndex{1}, IfIndex{2});
  EXPECT_EQ(IfIndex{7}, IfIndex{7});
}

}  // namespace
}  // namespace kpol::base
