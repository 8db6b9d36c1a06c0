// SPDX-License-Identifier: Apache-2.0
#include "base/ip_address.hpp"

#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <unordered_set>
#include <vector>

namespace kpol::base {
namespace {

using namespace std::string_literals;
using test::ip;

struct AddressText {
  std::string text;
  std::optional<std::string> canonical;  // nullopt: rejected
};

class IpAddressText : public testing::TestWithParam<AddressText> {};

TEST_P(IpAddressText, ParsesStrictlyAndPrintsCanonically) {
  const auto& [text, canonical] = GetParam();
  const auto address = IpAddress::parse(text);
  ASSERT_EQ(address.has_value(), canonical.has_value()) << text;
  if (!address) return;
  EXPECT_EQ(toString(*address), *canonical);
  EXPECT_EQ(IpAddress::parse(toString(*address)), address);
}

INSTANTIATE_TEST_SUITE_P(
    V4, IpAddressText,
    testing::Values(AddressText{"0.0.0.0", "0.0.0.0"}, AddressText{"10.244.1.5", "10.244.1.5"},
                    AddressText{"255.255.255.255", "255.255.255.255"}, AddressText{"010.0.0.1", {}},
                    AddressText{"10.0.0.256", {}}, AddressText{"10.0.0", {}},
                    AddressText{"10.0.0.1.", {}}, AddressText{"1.2.3.4.5", {}},
                    AddressText{"0x0a.0.0.1", {}}, AddressText{" 10.0.0.1", {}},
                    AddressText{"10.0.0.1 ", {}}, AddressText{"10.0.0.1/32", {}},
                    AddressText{"-1.0.0.0", {}}, AddressText{"", {}},
                    AddressText{"10.0.0.1\0"s, {}}));

INSTANTIATE_TEST_SUITE_P(
    V6, IpAddressText,
    testing::Values(AddressText{"::", "::"}, AddressText{"::1", "::1"},
                    AddressText{"FD00::A", "fd00::a"},
                    AddressText{"2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
                    AddressText{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"},
                    AddressText{"::ffff:10.0.0.1", "::ffff:10.0.0.1"},
                    AddressText{"fe80::1%eth0", {}}, AddressText{"1::2::3", {}},
                    AddressText{"12345::", {}}, AddressText{"1:2:3:4:5:6:7", {}},
                    AddressText{"1:2:3:4:5:6:7:8:9", {}}, AddressText{":1:2:3:4:5:6:7", {}},
                    AddressText{"[::1]", {}}, AddressText{std::string(200, ':'), {}}));

TEST(IpAddress, DefaultIsUnspecifiedV4) {
  EXPECT_EQ(IpAddress(), ip("0.0.0.0"));
}

TEST(IpAddress, MappedV4StaysV6) {
  const auto mapped = ip("::ffff:10.0.0.1");
  EXPECT_EQ(mapped.family(), Family::V6);
  EXPECT_NE(mapped, ip("10.0.0.1"));
}

TEST(IpAddress, FamilyDecidesBitsAndBytes) {
  EXPECT_EQ(ip("10.0.0.1").bits(), 32U);
  EXPECT_EQ(ip("fd00::1").bits(), 128U);
  EXPECT_EQ(ip("10.0.0.1").bytes().size(), 4U);
  EXPECT_EQ(ip("fd00::1").bytes().size(), 16U);
}

TEST(IpAddress, FromBytesRequiresFullLength) {
  const std::vector<std::uint8_t> bytes(17, 0x0A);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const auto address = IpAddress::fromBytes(std::span(bytes).first(size));
    EXPECT_EQ(address.has_value(), size == 4 || size == 16) << size;
    if (address) {
      EXPECT_TRUE(std::ranges::equal(address->bytes(), std::span(bytes).first(size)));
    }
  }
}

struct NextCase {
  std::string address;
  std::optional<std::string> next;
};

class IpAddressNext : public testing::TestWithParam<NextCase> {};

TEST_P(IpAddressNext, StepsByOneAndBackWithoutWrapping) {
  const auto& [text, expected] = GetParam();
  const auto next = ip(text).next();
  ASSERT_EQ(next.has_value(), expected.has_value());
  if (!next) return;
  EXPECT_EQ(toString(*next), *expected);
  EXPECT_EQ(next->previous(), ip(text));
}

INSTANTIATE_TEST_SUITE_P(Carries, IpAddressNext,
                         testing::Values(NextCase{"10.0.0.1", "10.0.0.2"},
                                         NextCase{"10.0.0.255", "10.0.1.0"},
                                         NextCase{"10.255.255.255", "11.0.0.0"},
                                         NextCase{"255.255.255.255", {}},
                                         NextCase{"fd00::ffff", "fd00::1:0"},
                                         NextCase{"::ffff:ffff:ffff:ffff", "0:0:0:1::"},
                                         NextCase{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", {}}));

TEST(IpAddress, FirstAddressHasNoPredecessor) {
  EXPECT_EQ(ip("0.0.0.0").previous(), std::nullopt);
  EXPECT_EQ(ip("::").previous(), std::nullopt);
}

TEST(IpAddress, SortsV4FirstThenByValue) {
  const std::vector<IpAddress> sorted = {
      ip("0.0.0.0"), ip("9.255.255.255"), ip("10.0.0.0"), ip("255.0.0.0"),
      ip("::"),      ip("::1"),           ip("fd00::")};
  EXPECT_TRUE(std::is_sorted(sorted.begin(), sorted.end()));
  EXPECT_EQ(std::adjacent_find(sorted.begin(), sorted.end()), sorted.end());
}

TEST(IpAddress, HashDistinguishesAddresses) {
  std::unordered_set<IpAddress> set;
  auto address = ip("10.0.0.0");
  for (int i = 0; i < 1000; ++i, address = address.next().value()) set.insert(address);
  set.insert(ip("::"));
  set.insert(ip("0.0.0.0"));
  set.insert(ip("10.0.0.7"));
  EXPECT_EQ(set.size(), 1002U);
}

}  // namespace
}  // namespace kpol::base
