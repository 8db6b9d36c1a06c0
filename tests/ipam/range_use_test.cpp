// SPDX-License-Identifier: Apache-2.0
#include "ipam/range_use.hpp"

#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

namespace kpol::ipam {
namespace {

using test::ip;

Lease leaseIn(const std::string& id, const std::string& network, std::vector<base::IpAddress> ips) {
  return {{id, "eth0"}, network, {"shop", id}, 1700000000, std::move(ips)};
}

TEST(RangeUse, CountsUsedAddresses) {
  const conf::IpRange v4{base::Prefix::parse("10.0.0.0/29").value(), ip("10.0.0.2"), ip("10.0.0.6"),
                         ip("10.0.0.3")};
  const conf::IpRange v6{base::Prefix::parse("fd00::/64").value(), ip("fd00::"),
                         ip("fd00::ffff:ffff:ffff:ffff"), std::nullopt};
  LeaseBook book;
  book.ranges = {{"pods", {{v4}, {v6}}}};
  for (const auto& each : {leaseIn("c1", "pods", {ip("10.0.0.2"), ip("fd00::1")}),
                           leaseIn("c2", "other", {ip("10.0.0.4")}),
                           leaseIn("c3", "pods", {ip("10.0.1.1"), ip("fd00::2")})})
    book.leases.emplace(each.id, each);
  book.departures = {{leaseIn("c4", "pods", {ip("10.0.0.5")}), {7}}};
  const auto uses = rangeUseOf(book);
  ASSERT_EQ(uses.size(), 2U);
  EXPECT_EQ(uses[0].network, "pods");
  EXPECT_EQ(uses[0].range, v4);
  EXPECT_EQ(uses[0].size, 4U) << "without the gateway";
  EXPECT_EQ(uses[0].used, 3U);
  EXPECT_EQ(uses[1].size, ~std::uint64_t{0});
  EXPECT_EQ(uses[1].used, 2U);
  EXPECT_EQ(rangeUseOf({}).size(), 0U);
}

}  // namespace
}  // namespace kpol::ipam
