// SPDX-License-Identifier: Apache-2.0
#include "base/text_hash.hpp"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace kpol::base {
namespace {

// The values of hash(b"...") in CPython 3.11 with PYTHONHASHSEED=0, that is, without a key.
TEST(TextHash, IsSipHash13) {
  EXPECT_EQ(sipHash({0, 0}, "app"), 0x0729c8b7179294baULL);
  EXPECT_EQ(sipHash({0, 0}, "kubernetes.io/metadata.name"), 0x7237db6afded02c4ULL);
}

TEST(TextHash, DependsOnEveryByteAndOnTheKey) {
  std::set<std::uint64_t> seen;
  for (std::size_t size = 0; size < 20; ++size) {
    seen.insert(sipHash({1, 2}, std::string(size, '\0')));
    seen.insert(sipHash({1, 3}, std::string(size, '\0')));
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, '\0');
      text[at] = 'x';
      seen.insert(sipHash({1, 2}, text));
    }
  }
  EXPECT_EQ(seen.size(), 20U + 20U + 190U);
}

// A tenant who knows the buckets of std::hash does not know these.
TEST(TextHash, TextsThatStdHashPutsTogetherAreApart) {
  constexpr std::size_t kBuckets = 1031;
  std::vector<std::string> texts;
  for (std::size_t i = 0; texts.size() < 200; ++i) {
    auto text = "label-" + std::to_string(i);
    if (std::hash<std::string_view>{}(text) % kBuckets == 0) texts.push_back(std::move(text));
  }
  std::set<std::size_t> buckets;
  for (const auto& text : texts) buckets.insert(textHash(text) % kBuckets);
  EXPECT_GT(buckets.size(), 100U);
}

TEST(TextHash, HasARandomKey) {
  EXPECT_EQ(textHash("a"), textHash("a"));
  EXPECT_NE(textHash("a"), sipHash({0, 0}, "a"));
}

}  // namespace
}  // namespace kpol::base
