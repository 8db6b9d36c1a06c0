// SPDX-License-Identifier: Apache-2.0
// Literal texts of nft 1.0.6. print_kernel_test compares with the program itself.
#include "nft/print.hpp"

#include "tests/nft/rule_cases.hpp"
#include "tests/nft/values.hpp"
#include "tests/nft/worked_example.hpp"

#include <gtest/gtest.h>

namespace kpol::test {
namespace {

using nft::BaseChain;
using nft::DataType;
using nft::element;
using nft::Field;
using nft::Rule;
using nft::Set;

TEST(PrintRule, PrintsLikeNft) {
  for (const RuleCase& one : ruleCases()) EXPECT_EQ(print(one.rule), one.text);
}

nft::Match exactly(Field field, unsigned number) {
  return is(field, byte(number));
}

TEST(PrintRule, OmitsImpliedMatches) {
  const auto v4 = exactly(Field::NfProto, 2);
  const auto v6 = exactly(Field::NfProto, 10);
  const auto tcp = exactly(Field::L4Proto, 6);
  const auto dport = is(Field::ThDport, port(80));
  const auto saddr = is(Field::IpSaddr, ip("10.0.0.1"));
  const auto solicit = exactly(Field::Icmpv6Type, 133);
  const std::vector<std::pair<Rule, std::string>> cases{
      {{{v4, saddr}, ""}, "ip saddr 10.0.0.1"},
      {{{v4, is(Field::IifName, interface("lo")), saddr}, ""}, "iifname \"lo\" ip saddr 10.0.0.1"},
      {{{saddr, v4}, ""}, "ip saddr 10.0.0.1 meta nfproto ipv4"},
      {{{v4, tcp}, ""}, "meta nfproto ipv4 meta l4proto tcp"},
      {{{tcp, dport}, ""}, "tcp dport 80"},
      {{{tcp, saddr, dport}, ""}, "ip saddr 10.0.0.1 tcp dport 80"},
      {{{tcp, in({Field::L4Proto, Field::ThDport}, "x")}, ""}, "meta l4proto . tcp dport @x"},
      {{{exactly(Field::L4Proto, 200), dport}, ""}, "th dport 80"},
      {{{v6, solicit}, ""}, "icmpv6 type nd-router-solicit"},
      {{{v6, exactly(Field::L4Proto, 58)}, ""}, "meta l4proto ipv6-icmp"},
      {{{v4, exactly(Field::L4Proto, 1)}, ""}, "meta l4proto icmp"},
      {{{v4, exactly(Field::L4Proto, 58)}, ""}, "meta nfproto ipv4 meta l4proto ipv6-icmp"},
      {{{isNot(Field::NfProto, byte(10)), saddr}, ""}, "meta nfproto != ipv6 ip saddr 10.0.0.1"},
      // A statement between them, and nft keeps it; what the protocol is it still knows.
      {{{v4, nft::Log{}, saddr}, ""}, "meta nfproto ipv4 log ip saddr 10.0.0.1"},
      {{{tcp, nft::CounterReference{"n"}, dport}, ""},
       "meta l4proto tcp counter name \"n\" tcp dport 80"},
  };
  for (const auto& [rule, text] : cases) EXPECT_EQ(print(rule), text);
}

Set exact(std::vector<DataType> key, std::vector<nft::Element> elements) {
  Set set;
  set.name = "x";
  set.key = std::move(key);
  set.elements = std::move(elements);
  return set;
}

TEST(PrintSet, BreaksLinesByTheTypeOfTheKey) {
  EXPECT_EQ(print(exact({DataType::Ipv4Addr},
                        {element(ip("1.1.1.1")), element(ip("2.2.2.2")), element(ip("3.3.3.3"))})),
            "\tset x {\n\t\ttype ipv4_addr\n"
            "\t\telements = { 1.1.1.1, 2.2.2.2,\n\t\t\t     3.3.3.3 }\n\t}\n");
  std::vector<nft::Element> ports;
  for (unsigned number = 1; number <= 6; ++number) ports.push_back(element(port(number)));
  EXPECT_EQ(print(exact({DataType::InetService}, ports)),
            "\tset x {\n\t\ttype inet_service\n"
            "\t\telements = { 1, 2, 3, 4, 5,\n\t\t\t     6 }\n\t}\n");
  EXPECT_EQ(print(exact({DataType::Ipv6Addr}, {element(ip("::1")), element(ip("::2"))})),
            "\tset x {\n\t\ttype ipv6_addr\n"
            "\t\telements = { ::1,\n\t\t\t     ::2 }\n\t}\n");
}

TEST(PrintSet, SortsConcatenationsAndNamesFromTheLastByte) {
  EXPECT_EQ(print(exact({DataType::Ipv4Addr, DataType::InetService},
                        {element(ip("1.1.1.1").dot(port(0x0201))),
                         element(ip("2.2.2.2").dot(port(0x0102)))})),
            "\tset x {\n\t\ttype ipv4_addr . inet_service\n"
            "\t\telements = { 1.1.1.1 . 513,\n\t\t\t     2.2.2.2 . 258 }\n\t}\n");
  EXPECT_EQ(print(exact({DataType::IfName}, {element(interface("ab")), element(interface("ba")),
                                             element(interface("c"))})),
            "\tset x {\n\t\ttype ifname\n"
            "\t\telements = { \"c\",\n\t\t\t     \"ba\",\n\t\t\t     \"ab\" }\n\t}\n");
}

TEST(PrintSet, DeclaresInNftsOrder) {
  Set set = exact({DataType::InetProto, DataType::InetService}, {});
  set.kind = Set::Kind::VerdictMap;
  set.interval = true;
  set.size = 5;
  set.comment = "web";
  EXPECT_EQ(print(set),
            "\tmap x {\n\t\ttype inet_proto . inet_service : verdict\n\t\tsize 5\n"
            "\t\tflags interval\n\t\tcomment \"web\"\n\t}\n");
}

TEST(PrintElement, PrintsRangesAsPrefixesIfPossible) {
  Set set = exact({DataType::Ipv4Addr, DataType::InetService}, {});
  set.interval = true;
  const auto text = [&](const char* first, const char* last, unsigned from, unsigned to) {
    return print(nft::range(ip(first).dot(port(from)), ip(last).dot(port(to))), set);
  };
  EXPECT_EQ(text("10.0.0.0", "10.255.255.255", 80, 90), "10.0.0.0/8 . 80-90");
  EXPECT_EQ(text("10.0.0.0", "10.0.0.1", 1024, 2047), "10.0.0.0/31 . 1024-2047");
  EXPECT_EQ(text("10.0.0.1", "10.0.0.2", 80, 80), "10.0.0.1-10.0.0.2 . 80");
  EXPECT_EQ(text("10.0.0.0", "10.0.0.2", 0, 65535), "10.0.0.0-10.0.0.2 . 0-65535");
  EXPECT_EQ(text("0.0.0.0", "255.255.255.255", 7, 7), "0.0.0.0/0 . 7");
  EXPECT_EQ(text("10.0.0.128", "10.0.1.127", 7, 7), "10.0.0.128-10.0.1.127 . 7");
}

TEST(PrintElement, NamesValues) {
  Set map = exact({DataType::Icmpv6Type}, {});
  map.kind = Set::Kind::Map;
  map.value = {DataType::Mark};
  EXPECT_EQ(print(nft::Element{byte(135), byte(135), word(0x4d)}, map),
            "nd-neighbor-solicit : 0x0000004d");
  map.value = {DataType::Ipv4Addr, DataType::InetService};
  EXPECT_EQ(print(nft::Element{byte(200), byte(200), ip("10.0.0.1").dot(port(80))}, map),
            "200 : 10.0.0.1 . 80");
}

TEST(PrintChain, NamesPrioritiesNearAKnownOne) {
  using Hook = BaseChain::Hook;
  struct Case {
    Hook hook;
    int priority;
    std::string text;
  };
  const std::vector<Case> cases{
      {Hook::Forward, 0, "filter"},
      {Hook::Forward, -5, "filter - 5"},
      {Hook::Forward, 10, "filter + 10"},
      {Hook::Forward, 11, "11"},
      {Hook::Input, -150, "mangle"},
      {Hook::Input, -290, "raw + 10"},
      {Hook::Input, -400, "-400"},
      {Hook::Input, 60, "security + 10"},
      {Hook::Prerouting, -95, "dstnat + 5"},
      {Hook::Output, -100, "-100"},
      {Hook::Postrouting, 95, "srcnat - 5"},
      {Hook::Input, 100, "100"},
      {Hook::Forward, -2147483647 - 1, "-2147483648"},
  };
  for (const Case& one : cases) {
    const nft::Chain chain{
        "c",
        BaseChain{BaseChain::Type::Filter, one.hook, one.priority, nft::Verdict::Kind::Drop},
        {}};
    EXPECT_NE(print(chain).find(" priority " + one.text + "; policy drop;\n"), std::string::npos)
        << one.text << "\n"
        << print(chain);
  }
}

TEST(PrintRuleset, IsTheListingOfTheWholeTable) {
  EXPECT_EQ(print(workedExample()), kWorkedExampleText);
  EXPECT_EQ(print(nft::Ruleset{}), "table inet kpol {\n}\n");
}

}  // namespace
}  // namespace kpol::test
