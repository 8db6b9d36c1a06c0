// SPDX-License-Identifier: Apache-2.0
// apply() against what the kernel was seen to do with the same changes (nft/change_set.cpp).
#include "nft/change_set.hpp"

#include "tests/nft/values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace kpol::test {
namespace {

using namespace nft;  // NOLINT: every type of a change is of this room
using ::testing::AllOf;
using ::testing::HasSubstr;
using Kind = Set::Kind;

Set declared(std::string name, std::vector<DataType> key, Kind kind = Kind::Set) {
  Set set;
  set.name = std::move(name);
  set.key = std::move(key);
  set.kind = kind;
  return set;
}

Set interval(Set set) {
  set.interval = true;
  return set;
}

// A set that is full, a map that leads to a chain, ranges, and chains that use them.
Ruleset richTable() {
  Ruleset richTable;
  richTable.counters = {"denied"};
  Set full = declared("full", {DataType::Ipv4Addr});
  full.size = 2;
  full.elements = {element(ip("1.1.1.1")), element(ip("1.1.1.2"))};
  richTable.add(full);
  Set dispatch = declared("dispatch", {DataType::Ipv4Addr}, Kind::VerdictMap);
  dispatch.elements = {element(ip("1.1.1.1"), goTo("leaf"))};
  richTable.add(dispatch);
  Set blocks = interval(declared("blocks", {DataType::Ipv4Addr}));
  blocks.elements = {range(ip("1.1.1.1"), ip("1.1.1.9")),
                     range(ip("3.0.0.0"), ip("3.255.255.255"))};
  richTable.add(blocks);
  Set boxes = interval(declared("boxes", {DataType::Ipv4Addr, DataType::InetService}));
  boxes.elements = {range(ip("10.0.0.0").dot(port(80)), ip("10.255.255.255").dot(port(90)))};
  richTable.add(boxes);
  Set marks = declared("marks", {DataType::Ipv4Addr}, Kind::Map);
  marks.value = {DataType::Mark};
  richTable.add(marks);
  richTable.add(Chain{"leaf", {}, {Rule{{AnonymousCounter{}}, ""}}});
  richTable.add(Chain{"user",
                      {},
                      {Rule{{CounterReference{"denied"}, drop()}, ""},
                       Rule{{in({Field::IpSaddr}, "full"), accept()}, ""}}});
  richTable.add(Chain{"middle", {}, {Rule{{goTo("leaf")}, ""}}});
  richTable.add(forwardChain(
      {Rule{{VerdictMapLookup{{Field::IpSaddr}, "dispatch"}}, ""}, Rule{{goTo("middle")}, ""}}));
  return richTable;
}

Ruleset applied(std::vector<Change> changes, const Ruleset& to = richTable()) {
  return apply({"kpol", std::move(changes)}, to).value();
}

// The error of apply(), or an empty string if it accepts the changes.
std::string refusal(std::vector<Change> changes, const std::optional<Ruleset>& from = richTable()) {
  try {
    apply({"kpol", std::move(changes)}, from);
    return "";
  } catch (const std::invalid_argument& refused) {
    return refused.what();
  }
}

Rule rule(std::vector<Statement> statements) {
  return {std::move(statements), ""};
}

TEST(Apply, CreatesATable) {
  const std::vector<Change> changes{
      AddTable{},
      AddCounter{"n"},
      AddChain{"c", {}},
      AddSet{declared("s", {DataType::Ipv4Addr})},
      AddElements{"s", {element(ip("1.1.1.2")), element(ip("1.1.1.1"))}},
      AddRule{"c", rule({in({Field::IpSaddr}, "s"), CounterReference{"n"}})},
  };
  Ruleset expected;
  expected.counters = {"n"};
  Set set = declared("s", {DataType::Ipv4Addr});
  set.elements = {element(ip("1.1.1.1")), element(ip("1.1.1.2"))};
  expected.add(set);
  expected.add(Chain{"c", {}, {rule({in({Field::IpSaddr}, "s"), CounterReference{"n"}})}});
  EXPECT_EQ(apply({"kpol", changes}, std::nullopt), expected);
}

TEST(Apply, LeavesNothingAfterTheTableIsDeleted) {
  EXPECT_EQ(apply({"kpol", {DeleteTable{}}}, richTable()), std::nullopt);
  EXPECT_EQ(apply({"kpol", {}}, std::nullopt), std::nullopt);
  EXPECT_EQ(apply({"kpol", {DeleteTable{}, AddTable{}}}, richTable()), Ruleset{});
}

TEST(Apply, InsertsAndDeletesElementsInOrder) {
  const Ruleset after = applied(
      {DeleteElements{"full", {element(ip("1.1.1.1"))}},
       AddElements{"full", {element(ip("1.1.1.3"))}},
       AddElements{"blocks",
                   {range(ip("2.0.0.0"), ip("2.0.0.9")), range(ip("1.1.1.10"), ip("1.1.1.12"))}}});
  EXPECT_EQ(after.sets.at("full").elements,
            (std::vector{element(ip("1.1.1.2")), element(ip("1.1.1.3"))}));
  EXPECT_EQ(after.sets.at("blocks").elements,
            (std::vector{range(ip("1.1.1.1"), ip("1.1.1.9")), range(ip("1.1.1.10"), ip("1.1.1.12")),
                         range(ip("2.0.0.0"), ip("2.0.0.9")),
                         range(ip("3.0.0.0"), ip("3.255.255.255"))}));
}

TEST(Apply, DeletesElementsByKeyWhateverTheValueGivenWithThem) {
  const Ruleset after = applied({DeleteElements{"dispatch", {element(ip("1.1.1.1"), drop())}}});
  EXPECT_TRUE(after.sets.at("dispatch").elements.empty());
}

TEST(Apply, DeletesAChainWithItsRules) {
  const Ruleset after = applied({DeleteChain{"user"}, DeleteSet{"full"}, DeleteCounter{"denied"}});
  EXPECT_FALSE(after.chains.contains("user"));
  EXPECT_FALSE(after.sets.contains("full"));
  EXPECT_FALSE(after.counters.contains("denied"));
}

TEST(Apply, ChainsCanBeDeletedAfterTheirReferences) {
  EXPECT_EQ(refusal({FlushChain{"forward"}, FlushChain{"middle"}, DeleteSet{"dispatch"},
                     DeleteChain{"leaf"}}),
            "");
  EXPECT_EQ(refusal({FlushSet{"dispatch"}, DeleteChain{"forward"}, DeleteChain{"middle"},
                     DeleteChain{"leaf"}}),
            "");
  EXPECT_EQ(refusal({DeleteElements{"dispatch", {element(ip("1.1.1.1"), goTo("leaf"))}},
                     FlushChain{"middle"}, DeleteChain{"leaf"}}),
            "");
}

TEST(Apply, DeletedNamesCanBeReused) {
  EXPECT_EQ(refusal({FlushChain{"user"}, DeleteSet{"full"}, DeleteCounter{"denied"},
                     AddCounter{"denied"}, AddSet{declared("full", {DataType::Ipv6Addr})},
                     AddRule{"user", rule({in({Field::Ip6Saddr}, "full")})}}),
            "");
}

struct Refused {
  std::vector<Change> changes;
  std::string what;  // the change, as named
  std::string why;
};

void expectRefused(const std::vector<Refused>& cases) {
  for (const Refused& refused : cases)
    EXPECT_THAT(refusal(refused.changes), AllOf(HasSubstr(refused.what), HasSubstr(refused.why)));
}

TEST(Apply, RejectsAddingExistingObjects) {
  expectRefused({
      {{AddTable{}}, "add table kpol", "exists"},
      {{AddCounter{"denied"}}, "add counter denied", "exists"},
      {{AddChain{"leaf", {}}}, "add chain leaf", "exists"},
      {{AddSet{declared("full", {DataType::Ipv4Addr})}}, "add set full", "exists"},
      {{AddElements{"dispatch", {element(ip("1.1.1.1"), drop())}}}, "dispatch", "exists"},
      {{AddElements{"dispatch",
                    {element(ip("2.2.2.2"), drop()), element(ip("2.2.2.2"), accept())}}},
       "dispatch",
       "exists"},
  });
}

TEST(Apply, RejectsChangesToMissingObjects) {
  expectRefused({
      {{DeleteCounter{"x"}}, "delete counter x", "not exist"},
      {{FlushChain{"x"}}, "flush chain x", "no such chain"},
      {{DeleteChain{"x"}}, "delete chain x", "no such chain"},
      {{AddRule{"x", rule({drop()})}}, "add rule to chain x", "no such chain"},
      {{DeleteSet{"x"}}, "delete set x", "no such set"},
      {{FlushSet{"x"}}, "flush set x", "no such set"},
      {{AddElements{"x", {element(ip("1.1.1.1"))}}}, "elements to x", "no such set"},
      {{DeleteElements{"x", {element(ip("1.1.1.1"))}}}, "elements from x", "no such set"},
      {{DeleteElements{"full", {element(ip("1.1.1.9"))}}}, "from full", "does not exist"},
      {{DeleteElements{"full", {element(ip("1.1.1.1")), element(ip("1.1.1.1"))}}},
       "from full",
       "does not exist"},
      {{DeleteElements{"blocks", {range(ip("1.1.1.1"), ip("1.1.1.8"))}}},
       "from blocks",
       "does not exist"},
      {{DeleteTable{}, AddCounter{"n"}}, "add counter n", "no table"},
  });
  EXPECT_THAT(refusal({DeleteTable{}}, std::nullopt), HasSubstr("delete table kpol"));
}

TEST(Apply, RejectsDeletingReferencedObjects) {
  expectRefused({
      {{DeleteCounter{"denied"}}, "delete counter denied", "still"},
      {{DeleteSet{"full"}}, "delete set full", "still"},
      {{DeleteSet{"dispatch"}}, "delete set dispatch", "still"},
      {{DeleteChain{"leaf"}}, "delete chain leaf", "still"},
      {{DeleteChain{"middle"}}, "delete chain middle", "still"},
      // Only the rule was deleted, the element still refers to it; then the other way round.
      {{FlushChain{"middle"}, DeleteChain{"leaf"}}, "delete chain leaf", "still"},
      {{FlushSet{"dispatch"}, DeleteChain{"leaf"}}, "delete chain leaf", "still"},
      // References added by earlier changes count too.
      {{DeleteSet{"marks"}, AddRule{"leaf", rule({in({Field::IpSaddr}, "blocks")})},
        DeleteSet{"blocks"}},
       "delete set blocks",
       "still"},
  });
}

TEST(Apply, RejectsReferencesToMissingObjects) {
  expectRefused({
      {{AddRule{"leaf", rule({in({Field::IpSaddr}, "x")})}}, "chain leaf", "no set or map x"},
      {{AddRule{"leaf", rule({CounterReference{"x"}})}}, "chain leaf", "no counter x"},
      {{AddRule{"leaf", rule({goTo("x")})}}, "chain leaf", "no chain x"},
      {{AddElements{"dispatch", {element(ip("2.2.2.2"), jump("x"))}}}, "dispatch", "no chain x"},
      {{AddRule{"leaf", rule({goTo("forward")})}}, "chain leaf", "base chain"},
      {{AddElements{"dispatch", {element(ip("2.2.2.2"), jump("forward"))}}},
       "dispatch",
       "base chain"},
  });
}

TEST(Apply, RejectsLookupsThatDoNotFitTheSet) {
  const auto lookup = [](std::vector<Field> fields, const char* map) {
    return std::vector<Change>{AddRule{"leaf", rule({VerdictMapLookup{std::move(fields), map}})}};
  };
  expectRefused({
      {{AddRule{"leaf", rule({in({Field::Ip6Saddr}, "full")})}}, "chain leaf", "types"},
      {{AddRule{"leaf", rule({in({Field::IpSaddr, Field::IpDaddr}, "full")})}}, "leaf", "types"},
      {{AddRule{"leaf", rule({in({Field::IpSaddr}, "dispatch")})}},
       "chain leaf",
       "not of the required kind"},
      {lookup({Field::IpSaddr}, "full"), "chain leaf", "not of the required kind"},
      {lookup({Field::ThDport}, "dispatch"), "chain leaf", "types"},
      {{AddRule{"leaf", rule({is(Field::IpSaddr, port(80))})}}, "chain leaf", "2 bytes"},
      {{AddRule{"leaf", rule({Match{{Field::IpSaddr}, false, AnyBit{1}}})}}, "leaf", "ct state"},
      {{AddRule{"leaf", rule({UnknownStatement{"limit"}})}}, "chain leaf", "an unknown statement"},
  });
}

TEST(Apply, RejectsElementsThatDoNotFitTheSet) {
  const auto to = [](const char* set, Element element) {
    return std::vector<Change>{AddElements{set, {std::move(element)}}};
  };
  expectRefused({
      {to("blocks", element(ip("::1"))), "blocks", "16 bytes"},
      {to("blocks", range(ip("9.0.0.2"), ip("9.0.0.1"))), "blocks", "whose end is before"},
      {to("blocks", element(ip("9.0.0.2"), drop())), "blocks", "a value in a set"},
      {to("dispatch", element(ip("9.0.0.2"))), "dispatch", "no verdict"},
      {to("dispatch", range(ip("9.0.0.1"), ip("9.0.0.2"), drop())), "dispatch", "a range"},
      {to("marks", element(ip("9.0.0.2"))), "marks", "no value"},
      {to("marks", Element{ip("9.0.0.2"), ip("9.0.0.2"), port(1)}), "marks", "2 bytes"},
      {to("boxes", element(Key(std::vector<std::uint8_t>{1, 1, 1, 1, 0, 80, 0, 7}))), "boxes",
       "padding"},
      {{AddElements{"full", {}}}, "full", "no elements"},
      {{DeleteElements{"full", {}}}, "full", "no elements"},
  });
}

TEST(Apply, RejectsMoreElementsThanTheSize) {
  expectRefused({
      {{AddElements{"full", {element(ip("1.1.1.3"))}}}, "elements to full", "full"},
      {{AddElements{"full", {element(ip("1.1.1.3"))}},
        DeleteElements{"full", {element(ip("1.1.1.1"))}}},
       "elements to full",
       "full"},
  });
}

TEST(Apply, RejectsOverlappingRanges) {
  const auto block = [](const char* first, const char* last) {
    return std::vector<Change>{AddElements{"blocks", {range(ip(first), ip(last))}}};
  };
  const auto box = [](const char* first, const char* last, unsigned from, unsigned to) {
    return std::vector<Change>{
        AddElements{"boxes", {range(ip(first).dot(port(from)), ip(last).dot(port(to)))}}};
  };
  expectRefused({
      {block("1.1.1.9", "1.1.1.12"), "blocks", "overlaps"},
      {block("1.1.1.2", "1.1.1.3"), "blocks", "overlaps"},
      {block("0.0.0.0", "255.255.255.255"), "blocks", "overlaps"},
      {box("10.0.0.1", "10.0.0.1", 85, 85), "boxes", "overlaps"},
      {box("0.0.0.0", "255.255.255.255", 1, 100), "boxes", "overlaps"},
      {box("10.0.0.0", "10.255.255.255", 85, 95), "boxes", "overlaps"},
  });
  EXPECT_EQ(refusal(block("1.1.1.10", "1.1.1.12")), "");
  EXPECT_EQ(refusal(box("10.0.0.0", "10.255.255.255", 91, 95)), "");
  EXPECT_EQ(refusal(box("11.0.0.0", "11.0.0.0", 80, 90)), "");
}

TEST(Apply, RejectsInvalidDeclarations) {
  const auto changed = [](void (*change)(Set&)) {
    Set set = declared("s", {DataType::Ipv4Addr});
    change(set);
    return std::vector<Change>{AddSet{set}};
  };
  expectRefused({
      {changed([](Set& s) { s.name = "1x"; }), "add set 1x", "name"},
      {changed([](Set& s) { s.name = "a b"; }), "add set a b", "name"},
      {changed([](Set& s) { s.name = std::string(256, 'a'); }), "add set", "name"},
      {changed([](Set& s) { s.key = {}; }), "add set s", "key type"},
      {changed([](Set& s) {
         s.key = {DataType::Ipv6Addr, DataType::Ipv6Addr, DataType::IfName, DataType::Mark};
       }),
       "add set s", "48"},
      {changed([](Set& s) { s.value = {DataType::Mark}; }), "add set s", "value types"},
      {changed([](Set& s) { s.kind = Kind::Map; }), "add set s", "value types"},
      {changed([](Set& s) { s.comment = std::string(128, 'c'); }), "add set s", "comment"},
      {changed([](Set& s) { s.elements = {element(ip("1.1.1.1"))}; }), "add set s",
       "separate change"},
      {{AddChain{"c", BaseChain{{}, {}, 0, Verdict::Kind::Goto}}}, "add chain c", "policy"},
  });
}

TEST(Apply, RejectsLoopsReachableFromABaseChain) {
  EXPECT_EQ(refusal({AddRule{"user", rule({jump("user")})}}), "");
  EXPECT_THAT(refusal({AddRule{"leaf", rule({goTo("middle")})}}), HasSubstr("part of a loop"));
  EXPECT_THAT(refusal({AddElements{"dispatch", {element(ip("2.2.2.2"), goTo("user"))}},
                       AddRule{"user", rule({VerdictMapLookup{{Field::IpSaddr}, "dispatch"}})}}),
              HasSubstr("part of a loop"));
  // Only the end counts, as in the kernel.
  EXPECT_EQ(refusal({AddRule{"leaf", rule({goTo("middle")})}, FlushChain{"middle"}}), "");
}

TEST(Apply, RejectsMoreThan16ChainsInARow) {
  std::vector<Change> changes{AddTable{}, AddChain{"c1", {}}};
  const auto row = [&](int chains) {
    std::vector<Change> all = changes;
    for (int i = 2; i < chains; ++i) {
      all.emplace_back(AddChain{"c" + std::to_string(i), {}});
      all.emplace_back(AddRule{"c" + std::to_string(i), rule({goTo("c" + std::to_string(i - 1))})});
    }
    all.emplace_back(AddChain{"forward", forwardChain().base});
    all.emplace_back(AddRule{"forward", rule({jump("c" + std::to_string(chains - 1))})});
    return refusal(all, std::nullopt);
  };
  EXPECT_EQ(row(16), "");
  EXPECT_THAT(row(17), HasSubstr("16 chains"));
}

TEST(Apply, RejectsAnotherTable) {
  EXPECT_THROW(apply({"other", {DeleteTable{}}}, richTable()), std::invalid_argument);
}

TEST(ChangeText, IsAnNftCommand) {
  const Ruleset context = richTable();
  Set ports = declared("ports", {DataType::InetProto, DataType::InetService}, Kind::VerdictMap);
  ports.size = 16;
  ports.comment = "web";
  const std::vector<std::pair<Change, std::string>> cases{
      {AddTable{}, "add table inet kpol"},
      {DeleteTable{}, "delete table inet kpol"},
      {AddCounter{"n"}, "add counter inet kpol n"},
      {DeleteCounter{"n"}, "delete counter inet kpol n"},
      {AddChain{"c", {}}, "add chain inet kpol c"},
      {AddChain{"f", forwardChain().base},
       "add chain inet kpol f { type filter hook forward priority filter - 5; policy accept; }"},
      {FlushChain{"c"}, "flush chain inet kpol c"},
      {DeleteChain{"c"}, "delete chain inet kpol c"},
      {AddRule{"c", {{in({Field::IpSaddr}, "full"), accept()}, "shop/web"}},
       "add rule inet kpol c ip saddr @full accept comment \"shop/web\""},
      {AddSet{interval(declared("s", {DataType::Ipv4Addr}))},
       "add set inet kpol s { type ipv4_addr; flags interval; }"},
      {AddSet{ports},
       "add map inet kpol ports { type inet_proto . inet_service : verdict; size 16; "
       "comment \"web\"; }"},
      {DeleteSet{"full"}, "delete set inet kpol full"},
      {DeleteSet{"dispatch"}, "delete map inet kpol dispatch"},
      {FlushSet{"dispatch"}, "flush map inet kpol dispatch"},
      {AddElements{"boxes",
                   {range(ip("10.0.0.0").dot(port(80)), ip("10.255.255.255").dot(port(90)))}},
       "add element inet kpol boxes { 10.0.0.0/8 . 80-90 }"},
      {DeleteElements{"dispatch", {element(ip("1.1.1.1"), drop()), element(ip("1.1.1.2"), drop())}},
       "delete element inet kpol dispatch { 1.1.1.1 : drop, 1.1.1.2 : drop }"},
      {DeleteElements{"unheard-of", {element(port(80))}},
       "delete element inet kpol unheard-of { 0x0050 }"},
  };
  for (const auto& [change, text] : cases) EXPECT_EQ(toString(change, context), text);
}

}  // namespace
}  // namespace kpol::test
