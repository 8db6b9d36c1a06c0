// SPDX-License-Identifier: Apache-2.0
// Invalid tables that no kernel returns: their fields must not be trusted. Real ones are read in
// host_firewall_kernel_test.
#include "node/legacy_table.hpp"

#include "base/error.hpp"

#include <gtest/gtest.h>
#include <linux/netfilter_ipv4/ip_tables.h>

#include <cstring>
#include <string>
#include <vector>

namespace kpol::node {
namespace {

using Bytes = std::vector<std::uint8_t>;

template <class T>
void append(Bytes& bytes, const T& value) {
  const auto* start = reinterpret_cast<const std::uint8_t*>(&value);
  bytes.insert(bytes.end(), start, start + sizeof value);
}

ipt_entry entryWithTarget(std::size_t size) {
  ipt_entry entry{};
  entry.target_offset = sizeof entry;
  entry.next_offset = static_cast<std::uint16_t>(sizeof entry + size);
  return entry;
}

// The head of a chain that is called "MINE".
Bytes headOfChain(std::size_t claimedSize) {
  xt_error_target target{};
  target.target.u.user.target_size = static_cast<std::uint16_t>(claimedSize);
  std::strcpy(target.target.u.user.name, XT_ERROR_TARGET);
  std::strcpy(target.errorname, "MINE");
  Bytes bytes;
  append(bytes, entryWithTarget(sizeof target));
  append(bytes, target);
  return bytes;
}

Bytes legacyRule(int verdict) {
  xt_standard_target target{};
  target.target.u.user.target_size = sizeof target;
  target.verdict = verdict;
  Bytes bytes;
  append(bytes, entryWithTarget(sizeof target));
  append(bytes, target);
  return bytes;
}

Bytes operator+(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

nft::ForeignFilter parsed(const Bytes& entries, std::size_t policy) {
  return parseLegacyTable({entries, 0, static_cast<std::uint32_t>(policy)}, base::Family::V4);
}

TEST(LegacyTable, AChainIsKnownByThePlaceBehindItsName) {
  const Bytes head = headOfChain(sizeof(xt_error_target));
  const auto place = static_cast<int>(2 * legacyRule(0).size() + head.size());
  const auto filter =
      parsed(legacyRule(place) + legacyRule(-NF_DROP - 1) + head + legacyRule(XT_RETURN),
             legacyRule(0).size());
  EXPECT_TRUE(filter.policyDrops);
  ASSERT_EQ(filter.chains.at("FORWARD").size(), 1U);
  EXPECT_EQ(filter.chains.at("FORWARD").front().target, "MINE");
  EXPECT_EQ(filter.chains.at("MINE").size(), 1U);
}

TEST(LegacyTable, TruncatedTableIsRejected) {
  const Bytes whole = legacyRule(-NF_DROP - 1) + headOfChain(sizeof(xt_error_target));
  const auto first = legacyRule(0).size();
  for (std::size_t size = 1; size < whole.size(); ++size) {
    if (size == first) continue;
    EXPECT_THROW(parsed(Bytes(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)), 0),
                 base::SystemError)
        << size;
  }
}

TEST(LegacyTable, ATargetIsNotSmallerThanItsHead) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, sizeof(xt_entry_target) - 1})
    EXPECT_THROW(parsed(headOfChain(size), 0), base::SystemError) << size;
}

}  // namespace
}  // namespace kpol::node
