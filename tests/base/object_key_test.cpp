// SPDX-License-Identifier: Apache-2.0
#include "base/object_key.hpp"

#include <gtest/gtest.h>

#include <unordered_set>

namespace kpol::base {
namespace {

TEST(ObjectKey, IsAPairAndNotJoinedText) {
  EXPECT_NE((ObjectKey{"a-b", "c"}), (ObjectKey{"a", "b-c"}));
  EXPECT_NE((ObjectKey{"ab", "c"}), (ObjectKey{"a", "bc"}));
}

TEST(ObjectKey, SortsByNamespaceThenName) {
  EXPECT_LT((ObjectKey{"a", "z"}), (ObjectKey{"b", "a"}));
  EXPECT_LT((ObjectKey{"a", "y"}), (ObjectKey{"a", "z"}));
  // As joined text '-' sorts before '/'.
  EXPECT_LT((ObjectKey{"a", "z"}), (ObjectKey{"a-b", "a"}));
}

TEST(ObjectKey, PrintsWithASlash) {
  EXPECT_EQ(toString(ObjectKey{"shop", "web"}), "shop/web");
}

TEST(ObjectKey, HashDependsOnWhichPartHoldsWhat) {
  const std::hash<ObjectKey> hash;
  EXPECT_NE(hash({"a", "b"}), hash({"b", "a"}));
  EXPECT_NE(hash({"ab", "c"}), hash({"a", "bc"}));
  EXPECT_EQ(hash({"a", "b"}), hash({"a", "b"}));
}

TEST(ObjectKey, WorksAsAnUnorderedKey) {
  const std::unordered_set<ObjectKey> set = {{"a", "b"}, {"b", "a"}, {"a", "b"}};
  EXPECT_EQ(set.size(), 2U);
}

}  // namespace
}  // namespace kpol::base
