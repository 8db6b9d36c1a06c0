// SPDX-License-Identifier: Apache-2.0
#include "nft/diff.hpp"

#include "tests/nft/values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kpol::test {
namespace {

using nft::Chain;
using nft::DataType;
using nft::Field;
using nft::Rule;
using nft::Ruleset;
using nft::Set;
using ::testing::ElementsAre;

// The changes as commands, and that they end in `to`.
std::vector<std::string> changes(const std::optional<Ruleset>& from, const Ruleset& to) {
  const nft::ChangeSet difference = diff(from, to);
  EXPECT_EQ(nft::apply(difference, from), to);
  std::vector<std::string> texts;
  for (const nft::Change& change : difference.changes)
    texts.push_back(toString(change, from ? *from : to));
  return texts;
}

Set addresses(std::string name, std::vector<nft::Element> elements) {
  Set set;
  set.name = std::move(name);
  set.key = {DataType::Ipv4Addr};
  set.elements = std::move(elements);
  return set;
}

Set dispatch(std::vector<nft::Element> elements) {
  Set map = addresses("dispatch", std::move(elements));
  map.kind = Set::Kind::VerdictMap;
  return map;
}

Rule plainRule(std::vector<nft::Statement> statements) {
  return {std::move(statements), ""};
}

Rule lookup() {
  return plainRule({nft::VerdictMapLookup{{Field::IpSaddr}, "dispatch"}});
}

Rule allowMembers() {
  return plainRule({in({Field::IpSaddr}, "members"), accept()});
}

// forward -> dispatch -> web, which allows members and counts the rest.
Ruleset webTable() {
  Ruleset webTable;
  webTable.counters = {"denied"};
  webTable.add(addresses("members", {nft::element(ip("10.0.0.1")), nft::element(ip("10.0.0.2"))}));
  webTable.add(dispatch({nft::element(ip("10.0.0.9"), goTo("web"))}));
  webTable.add(
      Chain{"web", {}, {allowMembers(), plainRule({nft::CounterReference{"denied"}, drop()})}});
  webTable.add(forwardChain({lookup()}));
  return webTable;
}

TEST(Diff, EmptyWhenEqual) {
  EXPECT_TRUE(diff(webTable(), webTable()).empty());
  EXPECT_TRUE(diff(Ruleset{}, Ruleset{}).empty());
}

TEST(Diff, AddsReferencedObjectsFirst) {
  EXPECT_THAT(
      changes(std::nullopt, webTable()),
      ElementsAre(
          "add table inet kpol", "add counter inet kpol denied",
          "add chain inet kpol forward { type filter hook forward priority filter - 5; policy "
          "accept; }",
          "add chain inet kpol web", "add map inet kpol dispatch { type ipv4_addr : verdict; }",
          "add set inet kpol members { type ipv4_addr; }",
          "add element inet kpol dispatch { 10.0.0.9 : goto web }",
          "add element inet kpol members { 10.0.0.1, 10.0.0.2 }",
          "add rule inet kpol forward ip saddr vmap @dispatch",
          "add rule inet kpol web ip saddr @members accept",
          "add rule inet kpol web counter name \"denied\" drop"));
}

TEST(Diff, DeletesReferencesFirst) {
  EXPECT_THAT(changes(webTable(), Ruleset{}),
              ElementsAre("flush chain inet kpol forward", "flush chain inet kpol web",
                          "delete map inet kpol dispatch", "delete set inet kpol members",
                          "delete chain inet kpol forward", "delete chain inet kpol web",
                          "delete counter inet kpol denied"));
}

TEST(Diff, ChangesSetsElementByElement) {
  Ruleset to = webTable();
  to.sets.at("members").elements = {nft::element(ip("10.0.0.0")), nft::element(ip("10.0.0.2"))};
  EXPECT_THAT(changes(webTable(), to), ElementsAre("delete element inet kpol members { 10.0.0.1 }",
                                                   "add element inet kpol members { 10.0.0.0 }"));
}

TEST(Diff, ReplacesAnElementWhoseValueChanged) {
  Ruleset to = webTable();
  to.sets.at("dispatch").elements = {nft::element(ip("10.0.0.9"), drop())};
  EXPECT_THAT(changes(webTable(), to),
              ElementsAre("delete element inet kpol dispatch { 10.0.0.9 : goto web }",
                          "add element inet kpol dispatch { 10.0.0.9 : drop }"));
}

TEST(Diff, ReplacesARangeWhoseEndChanged) {
  Ruleset from;
  from.add(addresses("blocks", {nft::range(ip("10.0.0.0"), ip("10.0.0.7"))})).interval = true;
  Ruleset to;
  to.add(addresses("blocks", {nft::range(ip("10.0.0.0"), ip("10.0.0.9"))})).interval = true;
  EXPECT_THAT(changes(from, to), ElementsAre("delete element inet kpol blocks { 10.0.0.0/29 }",
                                             "add element inet kpol blocks { 10.0.0.0-10.0.0.9 }"));
}

TEST(Diff, DeletesElementsBeforeTheirChain) {
  Ruleset to = webTable();
  to.sets.at("dispatch").elements.clear();
  to.chains.erase("web");
  EXPECT_THAT(changes(webTable(), to),
              ElementsAre("flush chain inet kpol web",
                          "delete element inet kpol dispatch { 10.0.0.9 : goto web }",
                          "delete chain inet kpol web"));
}

TEST(Diff, AppendsRulesIfNoneIsDeleted) {
  Ruleset to = webTable();
  to.chains.at("web").rules.push_back(plainRule({accept()}));
  EXPECT_THAT(changes(webTable(), to), ElementsAre("add rule inet kpol web accept"));
}

TEST(Diff, RefillsAChainIfARuleIsDeletedOrChanged) {
  Ruleset to = webTable();
  to.chains.at("web").rules.erase(to.chains.at("web").rules.begin());
  EXPECT_THAT(changes(webTable(), to),
              ElementsAre("flush chain inet kpol web",
                          "add rule inet kpol web counter name \"denied\" drop"));
  Ruleset commented = webTable();
  commented.chains.at("forward").rules[0].comment = "c";
  EXPECT_THAT(changes(webTable(), commented),
              ElementsAre("flush chain inet kpol forward",
                          "add rule inet kpol forward ip saddr vmap @dispatch comment \"c\""));
}

TEST(Diff, DoesNotFlushAnEmptyChain) {
  Ruleset from = webTable();
  from.chains.at("web").rules.clear();
  EXPECT_THAT(changes(from, webTable()),
              ElementsAre("add rule inet kpol web ip saddr @members accept",
                          "add rule inet kpol web counter name \"denied\" drop"));
}

TEST(Diff, RecreatedSetRecreatesItsRules) {
  Ruleset to = webTable();
  to.sets.at("members").size = 64;
  EXPECT_THAT(changes(webTable(), to),
              ElementsAre("flush chain inet kpol web", "delete set inet kpol members",
                          "add set inet kpol members { type ipv4_addr; size 64; }",
                          "add element inet kpol members { 10.0.0.1, 10.0.0.2 }",
                          "add rule inet kpol web ip saddr @members accept",
                          "add rule inet kpol web counter name \"denied\" drop"));
}

TEST(Diff, RecreatedMapRecreatesItsRulesButNotItsChains) {
  Ruleset to = webTable();
  to.sets.at("dispatch").comment = "c";
  EXPECT_THAT(changes(webTable(), to),
              ElementsAre("flush chain inet kpol forward", "delete map inet kpol dispatch",
                          "add map inet kpol dispatch { type ipv4_addr : verdict; comment \"c\"; }",
                          "add element inet kpol dispatch { 10.0.0.9 : goto web }",
                          "add rule inet kpol forward ip saddr vmap @dispatch"));
}

TEST(Diff, RecreatesABaseChainWithOtherParameters) {
  Ruleset to = webTable();
  to.chains.at("forward").base->priority = 0;
  EXPECT_THAT(changes(webTable(), to),
              ElementsAre("flush chain inet kpol forward", "delete chain inet kpol forward",
                          "add chain inet kpol forward { type filter hook forward priority "
                          "filter; policy accept; }",
                          "add rule inet kpol forward ip saddr vmap @dispatch"));
}

TEST(Diff, ChainThatBecomesABaseChainLosesItsReferences) {
  Ruleset to = webTable();
  to.chains.at("web").base = forwardChain().base;
  to.sets.at("dispatch").elements.clear();
  EXPECT_THAT(changes(webTable(), to),
              ElementsAre("flush chain inet kpol web",
                          "delete element inet kpol dispatch { 10.0.0.9 : goto web }",
                          "delete chain inet kpol web",
                          "add chain inet kpol web { type filter hook forward priority filter - 5; "
                          "policy accept; }",
                          "add rule inet kpol web ip saddr @members accept",
                          "add rule inet kpol web counter name \"denied\" drop"));
  // In the other direction the element can be added only after the chain is no longer a base chain.
  EXPECT_EQ(changes(to, webTable()).back(), "add rule inet kpol web counter name \"denied\" drop");
}

TEST(Diff, MakesRoomBeforeItFillsAFullSet) {
  Ruleset from = webTable();
  from.sets.at("members").size = 2;
  Ruleset to = from;
  to.sets.at("members").elements = {nft::element(ip("10.0.0.3")), nft::element(ip("10.0.0.4"))};
  EXPECT_THAT(changes(from, to),
              ElementsAre("delete element inet kpol members { 10.0.0.1, 10.0.0.2 }",
                          "add element inet kpol members { 10.0.0.3, 10.0.0.4 }"));
}

TEST(Diff, ReplacesAnUnknownRule) {
  Ruleset from = webTable();
  from.chains.at("forward").rules[0].statements = {nft::UnknownStatement{"limit rate 1/second"}};
  EXPECT_THAT(changes(from, webTable()),
              ElementsAre("flush chain inet kpol forward",
                          "add rule inet kpol forward ip saddr vmap @dispatch"));
}

TEST(Diff, MovesAnObjectFromOneKindToAnother) {
  Ruleset from;
  from.add(addresses("x", {nft::element(ip("10.0.0.1"))}));
  Ruleset to;
  Set map = dispatch({nft::element(ip("10.0.0.1"), drop())});
  map.name = "x";
  to.add(map);
  EXPECT_THAT(changes(from, to), ElementsAre("delete set inet kpol x",
                                             "add map inet kpol x { type ipv4_addr : verdict; }",
                                             testing::StartsWith("add element inet kpol x")));
}

}  // namespace
}  // namespace kpol::test
