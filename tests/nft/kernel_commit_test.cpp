// SPDX-License-Identifier: Apache-2.0
// What is committed is what is read back, and what nft lists.
#include "nft/diff.hpp"
#include "nft/encode.hpp"
#include "nft/kernel.hpp"
#include "nft/print.hpp"
#include "tests/nft/kernel_fixture.hpp"
#include "tests/nft/rule_cases.hpp"
#include "tests/nft/set_cases.hpp"
#include "tests/nft/values.hpp"
#include "tests/support/nft_text.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <map>
#include <regex>
#include <sstream>

namespace kpol::nft {
namespace {

using test::accept;
using test::commit;
using test::ip;

class KernelCommit : public test::KernelTest {};

// The rules of a chain as nft lists them.
std::vector<std::string> listedRules(const std::string& chain) {
  const std::string text = test::nftOutput({"list", "chain", "inet", "kpol", chain});
  std::vector<std::string> rules;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);)
    if (line.starts_with("\t\t") && !line.starts_with("\t\ttype ")) rules.push_back(line.substr(2));
  return rules;
}

TEST_F(KernelCommit, RulesAreReadBackAndListedUnchanged) {
  Ruleset table = test::tableForRuleCases();
  std::map<std::string, std::vector<std::string>> texts;
  for (const auto& [text, rule, chain] : test::ruleCases()) {
    table.chains.at(chain).rules.push_back(rule);
    texts[chain].push_back(text);
  }
  Kernel kernel({});
  commit(kernel, table);
  const auto back = kernel.readBack();
  ASSERT_TRUE(back);
  for (const auto& [chain, expected] : texts) {
    const auto& rules = back->chains.at(chain).rules;
    ASSERT_EQ(rules.size(), expected.size()) << chain;
    for (std::size_t i = 0; i < rules.size(); ++i)
      EXPECT_EQ(print(rules[i]), print(table.chains.at(chain).rules[i]));
    EXPECT_EQ(listedRules(chain), expected) << chain;
  }
  EXPECT_EQ(*back, table);
}

// An explicit match beside one that nft would add by itself.
TEST_F(KernelCommit, KeepsMatchesThatRepeatADependency) {
  const std::vector<std::vector<Statement>> rules{
      {test::is(Field::NfProto, test::byte(2)), test::is(Field::IpSaddr, ip("10.0.0.1")), accept()},
      {test::is(Field::IpSaddr, ip("10.0.0.1")), test::is(Field::NfProto, test::byte(2)), accept()},
      {test::is(Field::L4Proto, test::byte(58)), test::is(Field::Icmpv6Type, test::byte(135)),
       accept()},
      {test::is(Field::NfProto, test::byte(10)), test::is(Field::L4Proto, test::byte(58)),
       test::is(Field::Icmpv6Type, test::byte(135)), accept()},
      {test::is(Field::Icmpv6Type, test::byte(135)), test::is(Field::L4Proto, test::byte(58)),
       accept()},
      {test::is(Field::IpSaddr, ip("10.0.0.1")), test::is(Field::Ip6Saddr, ip("::1")), accept()},
  };
  Ruleset table;
  table.add(test::forwardChain());
  for (const auto& statements : rules) table.chains["forward"].rules.push_back({statements, {}});
  Kernel kernel({});
  commit(kernel, table);
  EXPECT_EQ(kernel.readBack(), table);
}

// The expressions that nft makes of each of these rules, as nft prints them.
std::vector<std::string> expressionsByNft(const std::vector<test::RuleCase>& cases) {
  std::string commands;
  for (const auto& [text, rule, chain] : cases)
    commands += "add rule inet kpol " + chain + " " + text + "\n";
  std::istringstream lines(test::nftOutput({"--debug=netlink", "-f", "-"}, commands));
  const std::regex ruleOf(R"(inet kpol (forward|prerouting|postrouting)( .*)?)");
  const std::regex range(R"(  \[ range eq reg (\d+) (0x\w+) (0x\w+) \])");
  std::vector<std::string> rules;
  for (std::string line; std::getline(lines, line);) {
    if (std::regex_match(line, ruleOf)) rules.emplace_back();
    // nft 1.1 uses one expression where 1.0.6 and kpol use two with the same meaning.
    line = std::regex_replace(line, range, "  [ cmp gte reg $1 $2 ]\n  [ cmp lte reg $1 $3 ]");
    if (line.starts_with("  [ ") && !rules.empty()) rules.back() += line + "\n";
  }
  return rules;
}

std::string expressionsByUs(const Rule& rule) {
  const auto encoded = encodeRule("kpol", "forward", rule);
  const auto iterator = allocated<ExprIteratorPtr>(nftnl_expr_iter_create(encoded.get()));
  std::string text;
  while (nftnl_expr* expr = nftnl_expr_iter_next(iterator.get())) {
    std::array<char, 1024> words{};
    nftnl_expr_snprintf(words.data(), words.size(), expr, NFTNL_OUTPUT_DEFAULT, 0);
    text += std::string("  [ ") + nftnl_expr_get_str(expr, NFTNL_EXPR_NAME) + " " + words.data() +
            "]\n";
  }
  return text;
}

TEST_F(KernelCommit, WritesTheExpressionsThatNftWrites) {
  Kernel kernel({.own = false});
  commit(kernel, test::tableForRuleCases());
  const auto cases = test::ruleCases();
  const auto expected = expressionsByNft(cases);
  ASSERT_EQ(expected.size(), cases.size());
  for (std::size_t i = 0; i < cases.size(); ++i)
    EXPECT_EQ(expressionsByUs(cases[i].rule), expected[i]) << cases[i].text;
}

TEST_F(KernelCommit, SetsAreReadBackAndListedUnchanged) {
  Ruleset table;
  table.add(Chain{"other", {}, {}});
  for (auto& set : test::setCases()) table.add(std::move(set));
  Kernel kernel({});
  commit(kernel, table);
  const auto back = kernel.readBack();
  ASSERT_TRUE(back);
  for (const auto& [name, set] : table.sets) EXPECT_EQ(back->sets.at(name), set) << name;
  EXPECT_EQ(*back, table);
  EXPECT_EQ(test::listTable(), test::comparable(print(table)));
}

}  // namespace
}  // namespace kpol::nft
