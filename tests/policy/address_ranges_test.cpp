// SPDX-License-Identifier: Apache-2.0
#include "policy/address_ranges.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kpol::policy {
namespace {

using base::IpAddress;
using base::Prefix;

AddressRange range(const char* first, const char* last) {
  return {*IpAddress::parse(first), *IpAddress::parse(last)};
}

std::string print(const std::vector<AddressRange>& ranges) {
  std::string text;
  for (const auto& r : ranges) text += toString(r.first) + "-" + toString(r.last) + " ";
  return text;
}

std::string blockRanges(const char* cidr, const std::vector<const char*>& excepts) {
  IpBlock block{*Prefix::parse(cidr), {}};
  for (const auto* except : excepts) block.except.push_back(*Prefix::parse(except));
  return print(rangesOf(block));
}

TEST(AddressRanges, BlockWithoutExceptIsThePrefix) {
  EXPECT_EQ(blockRanges("10.0.0.0/8", {}), "10.0.0.0-10.255.255.255 ");
  EXPECT_EQ(blockRanges("0.0.0.0/0", {}), "0.0.0.0-255.255.255.255 ");
  EXPECT_EQ(blockRanges("fd00::/127", {}), "fd00::-fd00::1 ");
}

TEST(AddressRanges, ExceptsAreCutOut) {
  EXPECT_EQ(blockRanges("10.0.0.0/24", {"10.0.0.64/26"}),
            "10.0.0.0-10.0.0.63 10.0.0.128-10.0.0.255 ");
  EXPECT_EQ(blockRanges("10.0.0.0/24", {"10.0.0.0/25"}), "10.0.0.128-10.0.0.255 ");
  EXPECT_EQ(blockRanges("10.0.0.0/24", {"10.0.0.128/25"}), "10.0.0.0-10.0.0.127 ");
  EXPECT_EQ(blockRanges("10.0.0.0/24", {"10.0.0.128/25", "10.0.0.0/25"}), "");
  EXPECT_EQ(blockRanges("10.0.0.0/24", {"10.0.0.0/26", "10.0.0.0/25"}), "10.0.0.128-10.0.0.255 ");
}

TEST(AddressRanges, ExceptsAtTheEndsOfAFamilyDoNotWrap) {
  EXPECT_EQ(blockRanges("0.0.0.0/0", {"255.255.255.255/32"}), "0.0.0.0-255.255.255.254 ");
  EXPECT_EQ(blockRanges("0.0.0.0/0", {"0.0.0.0/32"}), "0.0.0.1-255.255.255.255 ");
  EXPECT_EQ(blockRanges("::/0", {"8000::/1"}), "::-7fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ");
}

TEST(AddressRanges, ExceptsOfAnotherFamilyOrOutsideChangeNothing) {
  EXPECT_EQ(blockRanges("10.0.0.0/24", {"fd00::/64"}), "10.0.0.0-10.0.0.255 ");
  EXPECT_EQ(blockRanges("10.0.0.0/24", {"10.0.1.0/24"}), "10.0.0.0-10.0.0.255 ");
  EXPECT_EQ(blockRanges("10.0.1.0/24", {"10.0.0.0/16"}), "");
}

TEST(AddressRanges, UniteJoinsOverlapsAndNeighbours) {
  EXPECT_EQ(print(unite({range("10.0.0.8", "10.0.0.9"), range("10.0.0.1", "10.0.0.4"),
                         range("10.0.0.5", "10.0.0.6"), range("10.0.0.2", "10.0.0.3")})),
            "10.0.0.1-10.0.0.6 10.0.0.8-10.0.0.9 ");
}

TEST(AddressRanges, UniteKeepsFamiliesApart) {
  EXPECT_EQ(print(unite({range("::", "::1"), range("255.255.255.0", "255.255.255.255")})),
            "255.255.255.0-255.255.255.255 ::-::1 ");
}

}  // namespace
}  // namespace kpol::policy
