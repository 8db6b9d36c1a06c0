// SPDX-License-Identifier: Apache-2.0
#include "nft/batch_split.hpp"

#include "tests/nft/values.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

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

// Where each change goes, in the order of the changes: p(repare), t(ighten), c(hange), l(oosen) or
// r(emove). Sets named "peers..." admit.
std::string stagesOf(std::vector<Change> changes) {
  const ChangeSet set{"kpol", std::move(changes)};
  const BatchSplit stages =
      split(set, [](const std::string& name) { return name.starts_with("peers"); });
  std::string text(set.changes.size(), '?');
  const auto mark = [&](const Indices& stage, char letter) {
    EXPECT_TRUE(std::is_sorted(stage.begin(), stage.end()));
    for (const std::size_t index : stage) {
      EXPECT_EQ(text[index], '?');
      text[index] = letter;
    }
  };
  mark(stages.prepare, 'p');
  mark(stages.tighten, 't');
  mark(stages.change, 'c');
  mark(stages.loosen, 'l');
  mark(stages.remove, 'r');
  return text;
}

DeleteElements empty(std::string set) {
  return {std::move(set), {element(test::ip("10.0.0.1"))}};
}
AddElements lead(std::string map, const char* chain) {
  return {std::move(map), {element(test::ip("10.0.0.1"), test::goTo(chain))}};
}
AddRule addRule(std::string chain, Statement statement) {
  return {std::move(chain), {{std::move(statement)}, {}}};
}
AddRule lookUp(std::string chain, const char* set) {
  return addRule(std::move(chain), test::in({Field::IpSaddr}, set));
}
const AddChain kHook{"forward", test::forwardChain({}).base};

TEST(BatchSplit, NewObjectsAreInThePrepareStage) {
  EXPECT_EQ(stagesOf({AddTable{}, AddCounter{"n"}, AddChain{"c", {}}, addSet("s"), fill("s"),
                      lookUp("c", "s"), fill("s")}),
            "ppppppp");
  EXPECT_EQ(stagesOf({addSet("m", Set::Kind::Map), fill("m")}), "pp");
  EXPECT_EQ(stagesOf({AddChain{"c", {}}, addSet("v", Set::Kind::VerdictMap), lead("v", "c")}),
            "ppp");
}

TEST(BatchSplit, ChangesThatAffectPacketsAreInTheChangeStage) {
  EXPECT_EQ(stagesOf({AddChain{"c", {}}, kHook, lookUp("forward", "s"), lookUp("old", "s")}),
            "pccc");
  EXPECT_EQ(stagesOf({FlushChain{"c"}, fill("s"), empty("s"), FlushSet{"t"}}), "cccc");
}

// What leads from the old to the new is for one batch with all that the new needs.
TEST(BatchSplit, ElementsOfExistingMapsAreInTheChangeStage) {
  EXPECT_EQ(stagesOf({AddChain{"c", {}}, lookUp("c", "s"), lead("old", "c")}), "ppc");
}

TEST(BatchSplit, RecreatedSetsAreChangedTogetherWithTheirReferences) {
  EXPECT_EQ(stagesOf({DeleteSet{"s"}, addSet("s"), fill("s"), addSet("t")}), "cccp");
  EXPECT_EQ(stagesOf({addSet("s"), fill("s"), FlushSet{"s"}, fill("s")}), "cccc");
  EXPECT_EQ(stagesOf({addSet("s"), empty("s")}), "cc");
  EXPECT_EQ(stagesOf({DeleteSet{"s"}, AddChain{"c", {}}, AddChain{"d", {}}, addSet("s"),
                      lookUp("c", "t"), lookUp("c", "s"), lookUp("c", "t"), lookUp("d", "t")}),
            "cppcpccp");
}

TEST(BatchSplit, RecreatedChainsAreChangedTogetherWithTheirReferences) {
  EXPECT_EQ(stagesOf({DeleteSet{"old"}, DeleteChain{"c"}, AddChain{"c", {}}, AddChain{"d", {}},
                      addSet("v", Set::Kind::VerdictMap), lead("v", "c"), lead("v", "d"),
                      addRule("d", test::goTo("c"))}),
            "cccppcpc");
}

TEST(BatchSplit, DeletionsAreInTheLastStage) {
  EXPECT_EQ(stagesOf({FlushChain{"c"}, DeleteSet{"s"}, DeleteChain{"c"}, DeleteCounter{"n"}}),
            "rrrr");
  EXPECT_EQ(stagesOf({FlushChain{"stays"}, FlushChain{"c"}, DeleteChain{"c"}}), "crr");
  // Rules of the chain may refer to a recreated object. Without its rules, that needs no chain to
  // go first.
  EXPECT_EQ(
      stagesOf({FlushChain{"c"}, DeleteSet{"t"}, DeleteSet{"s"}, DeleteChain{"c"}, addSet("s")}),
      "crcrc");
  EXPECT_EQ(stagesOf({DeleteChain{"c"}, DeleteSet{"t"}, DeleteSet{"s"}, addSet("s")}), "cccc");
}

TEST(BatchSplit, ElementsOfAdmittingSetsAreDeletedFirstAndAddedLast) {
  EXPECT_EQ(stagesOf({empty("peers"), fill("peers"), lookUp("old", "peers")}), "tlc");
  EXPECT_EQ(stagesOf({fill("peers"), empty("peers")}), "cc");
  EXPECT_EQ(stagesOf({empty("peers"), FlushSet{"peers"}, fill("peers")}), "ccc");
  EXPECT_EQ(stagesOf({FlushChain{"c"}, DeleteSet{"peers"}, addSet("peers"), fill("peers")}),
            "cccl");
  EXPECT_EQ(stagesOf({addSet("peers-of-new"), fill("peers-of-new")}), "pp");
}

// Otherwise a pod that moves from one set to another would be in neither of them for a moment.
TEST(BatchSplit, AFewElementsOfAdmittingSetsChangeTogetherIfNothingElseDoes) {
  EXPECT_EQ(stagesOf({empty("peers-a"), fill("peers-b")}), "cc");
  EXPECT_EQ(stagesOf({empty("peers-a"), AddCounter{"n"}, fill("peers-b")}), "cpc");
  EXPECT_EQ(stagesOf({empty("peers-a"), fill("peers-b"), fill("other")}), "tlc");
  AddElements many{"peers-b", {}};
  while (many.elements.size() <= kMostElementsTogether)
    many.elements.push_back(element(test::word(static_cast<std::uint32_t>(many.elements.size()))));
  EXPECT_EQ(stagesOf({empty("peers-a"), many}), "tl");
  many.elements.pop_back();
  EXPECT_EQ(stagesOf({empty("peers-a"), many}), "cc");
}

TEST(BatchSplit, SaysWhatIsReplaced) {
  const auto replaces = [](std::vector<Change> changes) {
    return split({"kpol", std::move(changes)}, [](const auto& set) { return set == "peers"; })
        .replaces;
  };
  EXPECT_EQ(replaces({AddChain{"c", {}}, lead("map", "c"), empty("other"), fill("peers")}),
            Replaces::Nothing);
  EXPECT_EQ(replaces({empty("peers"), fill("peers")}), Replaces::Nothing);
  EXPECT_EQ(replaces({empty("map"), lead("map", "c")}), Replaces::Elements);
  EXPECT_EQ(replaces({lookUp("old", "s")}), Replaces::Rules);
  EXPECT_EQ(replaces({FlushChain{"stays"}}), Replaces::Rules);
  EXPECT_EQ(replaces({DeleteSet{"s"}, addSet("s"), empty("map"), lead("map", "c")}),
            Replaces::Rules);
}

TEST(BatchSplit, RecreatedTableIsNotSplit) {
  EXPECT_EQ(stagesOf({DeleteTable{}, AddTable{}, addSet("s"), fill("s"), empty("peers")}), "ccccc");
}

}  // namespace
}  // namespace kpol::nft
