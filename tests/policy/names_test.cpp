// SPDX-License-Identifier: Apache-2.0
#include "policy/names.hpp"

#include <gtest/gtest.h>

#include <set>

namespace kpol::policy {
namespace {

TEST(Identity, PartsAreSeparated) {
  EXPECT_NE(Identity().add("a-b").add("c").text(), Identity().add("a").add("b-c").text());
  EXPECT_NE(Identity().add("ab").add("").text(), Identity().add("a").add("b").text());
  EXPECT_NE(Identity().add("1:a").text(), Identity().add("a").text());
}

TEST(Names, AreTheSameInEveryRun) {
  Names names;
  EXPECT_EQ(names.name("in-shop", Identity().add("shop").add("web")), "in-shop-4cfd3bb09444");
}

TEST(Names, OneIdentityHasOneName) {
  Names names;
  const auto first = names.name("sel4", Identity().add("x"));
  EXPECT_EQ(names.name("sel4", Identity().add("x")), first);
  EXPECT_NE(names.name("sel4", Identity().add("y")), first);
}

TEST(Names, ManyIdentitiesHaveManyNames) {
  Names names;
  std::set<std::string> seen;
  for (std::uint64_t i = 0; i < 20000; ++i) seen.insert(names.name("x", Identity().add(i)));
  EXPECT_EQ(seen.size(), 20000U);
}

TEST(Cut, KeepsShortTextAndMarksTheCut) {
  EXPECT_EQ(cut("abcdef", 6), "abcdef");
  EXPECT_EQ(cut("abcdefg", 6), "abc...");
}

}  // namespace
}  // namespace kpol::policy
