// SPDX-License-Identifier: Apache-2.0
#include "nft/batch_split.hpp"

#include "tests/nft/values.hpp"

#include <gtest/gtest.h>

namespace kpol::nft {
namespace {

using Indices = std::vector<std::size_t>;

AddSet addSet(std::string name, Set::Kind kind = Set::Kind::Set) {
  Set set;
  set.name = std::move(name);
  set.kind = kind;
  set.key = {DataType::Ipv4Addr};
  return {set};
}

AddElements fill(std::string set) {
  return {std::move(set), {element(test::ip("10.0.0.1"))}};
}

void check(std::vector<Change> changes, const Indices& early) {
  const ChangeSet set{"kpol", std::move(changes)};
  const BatchSplit parts = split(set);
  EXPECT_EQ(parts.early, early);
  Indices atomic;
  for (std::size_t i = 0; i < set.changes.size(); ++i)
    if (std::find(early.begin(), early.end(), i) == early.end()) atomic.push_back(i);
  EXPECT_EQ(parts.atomic, atomic);
}

TEST(BatchSplit, NewSetsGoEarlyWithTheirElements) {
  check({AddTable{}, AddChain{"c", {}}, addSet("s"), fill("s"), AddRule{"c", {}}, fill("s")},
        {0, 2, 3, 5});
  check({addSet("m", Set::Kind::Map), fill("m")}, {0, 1});
}

TEST(BatchSplit, ChangesOfWhatExistsStayTogether) {
  check({fill("s"), DeleteElements{"s", {element(test::ip("10.0.0.2"))}}, FlushChain{"c"}}, {});
}

TEST(BatchSplit, SetsMadeAnewUnderTheirNameStay) {
  check({DeleteSet{"s"}, addSet("s"), fill("s"), addSet("t")}, {3});
  check({addSet("s"), fill("s"), FlushSet{"s"}, fill("s")}, {});
  check({addSet("s"), DeleteElements{"s", {element(test::ip("10.0.0.2"))}}}, {});
}

// Their elements may lead to chains that come with the same changes.
TEST(BatchSplit, VerdictMapsStay) {
  check({addSet("v", Set::Kind::VerdictMap), fill("v")}, {});
}

TEST(BatchSplit, NothingGoesBeforeTheTableIsMadeAnew) {
  check({DeleteTable{}, AddTable{}, addSet("s"), fill("s")}, {});
}

}  // namespace
}  // namespace kpol::nft
