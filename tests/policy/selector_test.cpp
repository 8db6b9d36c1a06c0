// SPDX-License-Identifier: Apache-2.0
#include "policy/selector.hpp"

#include "tests/support/policy_builders.hpp"
#include "tests/support/random_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace kpol::policy {
namespace {

using test::allOf;
using test::everything;
using test::has;
using test::in;
using test::is;
using test::labels;
using test::lacks;
using test::notIn;
using test::Random;

struct MatchCase {
  LabelSelector selector;
  Labels labels;
  bool matches;
};

// apimachinery pkg/labels/selector_test.go, in the forms a LabelSelector can have.
TEST(Matches, MatchesLikeTheApiServer) {
  const Labels web = labels({{"app", "web"}, {"tier", "front"}});
  const Labels emptyValue = labels({{"app", ""}});
  const std::vector<MatchCase> cases = {
      {everything(), {}, true},
      {everything(), web, true},
      {is("app", "web"), web, true},
      {is("app", "Web"), web, false},
      {is("App", "web"), web, false},
      {is("app", "web"), {}, false},
      {is("app", ""), emptyValue, true},
      {is("app", ""), {}, false},
      {is("app", ""), web, false},
      {in("app", {"db", "web"}), web, true},
      {in("app", {"db"}), web, false},
      {in("app", {"", "db"}), emptyValue, true},
      {in("app", {"", "db"}), {}, false},
      {in("app", {}), web, false},
      {notIn("app", {"db"}), web, true},
      {notIn("app", {"db", "web"}), web, false},
      {notIn("app", {"db"}), {}, true},
      {notIn("app", {""}), emptyValue, false},
      {notIn("app", {""}), {}, true},
      {notIn("app", {}), web, true},
      {has("app"), web, true},
      {has("app"), emptyValue, true},
      {has("app"), {}, false},
      {lacks("app"), {}, true},
      {lacks("app"), emptyValue, false},
      {allOf({is("app", "web"), in("tier", {"front", "back"})}), web, true},
      {allOf({is("app", "web"), in("tier", {"back"})}), web, false},
      {allOf({in("app", {"web", "db"}), notIn("app", {"db"})}), web, true},
      {allOf({in("app", {"web", "db"}), notIn("app", {"web"})}), web, false},
      {allOf({has("app"), lacks("app")}), web, false},
  };
  for (const MatchCase& c : cases) {
    EXPECT_EQ(matches(c.selector, c.labels), c.matches)
        << toString(c.selector) << " of {" << toString({c.labels, {}}) << "}";
  }
}

TEST(Canonical, EqualSelectorsHaveTheSameCanonicalForm) {
  const std::vector<std::vector<LabelSelector>> groups = {
      {everything(), notIn("a", {})},
      {is("a", "1"), in("a", {"1"}), allOf({is("a", "1"), has("a")}),
       allOf({in("a", {"1", "2"}), in("a", {"0", "1"})}),
       allOf({in("a", {"1", "2"}), notIn("a", {"2"})}), allOf({is("a", "1"), notIn("a", {"3"})})},
      {allOf({is("a", "1"), is("b", "2")}), allOf({in("b", {"2"}), is("a", "1")}),
       allOf({in("a", {"1"}), in("b", {"2"}), in("a", {"1"})})},
      {notIn("a", {"1", "2"}), allOf({notIn("a", {"2"}), notIn("a", {"1"})})},
      {lacks("a"), allOf({lacks("a"), notIn("a", {"1"})})},
      {allOf({has("a"), notIn("a", {"1"})}), allOf({notIn("a", {"1"}), has("a"), has("a")})},
      {allOf({is("a", "1"), lacks("a")}), in("b", {}), allOf({is("a", "1"), in("a", {"2"})}),
       allOf({has("b"), lacks("b"), is("c", "1")}), allOf({is("a", "1"), notIn("a", {"1"})})},
      {has("a")},
      {is("a", "2")},
      {is("a", "")},
      {is("b", "1")},
      {in("a", {"1", "2"})},
  };
  for (std::size_t i = 0; i < groups.size(); ++i) {
    for (const LabelSelector& selector : groups[i]) {
      EXPECT_EQ(canonical(selector), canonical(groups[i].front())) << toString(selector);
      for (std::size_t j = 0; j < i; ++j) {
        EXPECT_NE(canonical(selector), canonical(groups[j].front())) << toString(selector);
      }
    }
  }
}

// ---- properties ------------------------------------------------------------------------------

// Every set of labels over two keys with three values each, one of which no selector names.
std::vector<Labels> universe() {
  const std::array<std::optional<std::string>, 5> values = {std::nullopt, "", "a", "b", "unnamed"};
  std::vector<Labels> all;
  for (const auto& app : values) {
    for (const auto& tier : values) {
      for (const auto& upper : values) {
        std::vector<std::pair<std::string, std::string>> entries;
        if (app) entries.emplace_back("app", *app);
        if (tier) entries.emplace_back("app.kubernetes.io/tier", *tier);
        if (upper) entries.emplace_back("App", *upper);
        all.emplace_back(std::move(entries));
      }
    }
  }
  return all;
}

std::vector<bool> matchesOf(const LabelSelector& selector, const std::vector<Labels>& all) {
  std::vector<bool> matched;
  for (const Labels& labels : all) matched.push_back(matches(selector, labels));
  return matched;
}

constexpr int kSelectors = 3000;

TEST(Canonical, MatchesTheSameAndIsItsOwnCanonicalForm) {
  const std::vector<Labels> all = universe();
  Random random(1);
  for (int i = 0; i < kSelectors; ++i) {
    const LabelSelector selector = test::randomSelector(random);
    const LabelSelector same = canonical(selector);
    ASSERT_EQ(matchesOf(same, all), matchesOf(selector, all)) << toString(selector);
    ASSERT_EQ(canonical(same), same) << toString(selector);
    ASSERT_TRUE(same.matchLabels.entries().empty()) << toString(selector);
    ASSERT_TRUE(std::ranges::is_sorted(same.matchExpressions)) << toString(selector);
  }
}

TEST(Canonical, IsEqualForAnEquivalentSelector) {
  const std::vector<Labels> all = universe();
  Random random(2);
  for (int i = 0; i < kSelectors; ++i) {
    const LabelSelector selector = test::randomSelector(random);
    const LabelSelector other = test::respelled(random, selector);
    ASSERT_EQ(matchesOf(other, all), matchesOf(selector, all)) << toString(selector);
    ASSERT_EQ(canonical(other), canonical(selector)) << toString(selector);
  }
}

TEST(Canonical, IsEqualOnlyIfTheMatchesAreEqual) {
  std::vector<Labels> all = universe();
  // "A" is the one value of randomSelector() that the universe leaves out.
  for (const char* key : {"app", "app.kubernetes.io/tier", "App"}) {
    for (const Labels& labels : universe()) {
      auto entries = labels.entries();
      entries.emplace_back(key, "A");
      all.emplace_back(std::move(entries));
    }
  }
  Random random(3);
  std::vector<std::pair<LabelSelector, std::vector<bool>>> seen;
  for (int i = 0; i < 150; ++i) {
    const LabelSelector selector = test::randomSelector(random);
    const std::vector<bool> matched = matchesOf(selector, all);
    for (const auto& [other, otherMatched] : seen) {
      ASSERT_EQ(canonical(selector) == canonical(other), matched == otherMatched)
          << toString(selector) << " and " << toString(other);
    }
    seen.emplace_back(selector, matched);
  }
}

// ---- text ------------------------------------------------------------------------------------

TEST(SelectorText, IsWhatKubectlPrints) {
  EXPECT_EQ(toString(everything()), "<all>");
  EXPECT_EQ(toString(allOf({is("app", "web"), in("tier", {"b", "a"}), lacks("legacy")})),
            "app=web,tier in (a,b),!legacy");
  EXPECT_EQ(toString(allOf({has("app"), notIn("tier", {"x"})})), "app,tier notin (x)");
  EXPECT_EQ(toString(is("app", "")), "app=");
}

TEST(SelectorText, OfACanonicalSelectorReadsTheSame) {
  EXPECT_EQ(toString(canonical(allOf({is("b", "2"), is("a", "1")}))), "a=1,b=2");
  EXPECT_EQ(toString(canonical(allOf({has("a"), lacks("a")}))), "<none>");
}

TEST(MatchesByName, NeedsNoOtherLabel) {
  const std::string name = kNamespaceNameLabel;
  EXPECT_TRUE(matchesByName(everything(), "y"));
  EXPECT_TRUE(matchesByName(is(name, "y"), "y"));
  EXPECT_TRUE(matchesByName(in(name, {"x", "y"}), "y"));
  EXPECT_TRUE(matchesByName(notIn(name, {"x"}), "y"));
  EXPECT_TRUE(matchesByName(has(name), "y"));
  for (const auto& selector :
       {is(name, "x"), notIn(name, {"y"}), lacks(name), is("a", "b"), notIn("a", {"b"}), lacks("a"),
        has("a"), allOf({is(name, "y"), lacks("a")})})
    EXPECT_FALSE(matchesByName(selector, "y")) << toString(selector);
}

}  // namespace
}  // namespace kpol::policy
