// SPDX-License-Identifier: Apache-2.0
#include "tests/nft/rule_cases.hpp"

#include "tests/nft/values.hpp"

namespace kpol::test {

using nft::Field;
using nft::Statement;

namespace {

nft::Match startsWith(Field field, const nft::Key& value, unsigned bits, bool negated = false) {
  return {{field}, negated, nft::Wildcard{value, static_cast<std::uint16_t>(bits)}};
}

nft::Match between(Field field, const nft::Key& first, const nft::Key& last, bool negated = false) {
  return {{field}, negated, nft::Between{first, last}};
}

nft::Match stateIn(std::uint32_t bits) {
  return {{Field::CtState}, false, nft::AnyBit{bits}};
}

nft::Match label(std::uint8_t bit) {
  return {{Field::CtLabel}, false, nft::LabelBit{bit}};
}

RuleCase one(std::string text, std::vector<Statement> statements) {
  return {std::move(text), {std::move(statements), {}}};
}

void addAddresses(std::vector<RuleCase>& cases) {
  cases.insert(
      cases.end(),
      {
          one("ip saddr 10.0.0.1 accept", {is(Field::IpSaddr, ip("10.0.0.1")), accept()}),
          one("ip daddr != 10.0.0.1 accept", {isNot(Field::IpDaddr, ip("10.0.0.1")), accept()}),
          one("ip saddr 10.0.0.0/8 accept",
              {startsWith(Field::IpSaddr, ip("10.0.0.0"), 8), accept()}),
          one("ip daddr 172.16.0.0/12 drop",
              {startsWith(Field::IpDaddr, ip("172.16.0.0"), 12), drop()}),
          one("ip daddr != 172.16.0.0/12 drop",
              {startsWith(Field::IpDaddr, ip("172.16.0.0"), 12, true), drop()}),
          one("ip saddr 10.0.0.3-10.0.0.9 accept",
              {between(Field::IpSaddr, ip("10.0.0.3"), ip("10.0.0.9")), accept()}),
          one("ip saddr != 10.0.0.3-10.0.0.9 accept",
              {between(Field::IpSaddr, ip("10.0.0.3"), ip("10.0.0.9"), true), accept()}),
          one("ip saddr 10.0.0.1 ip daddr 10.0.0.0/16 accept",
              {is(Field::IpSaddr, ip("10.0.0.1")), startsWith(Field::IpDaddr, ip("10.0.0.0"), 16),
               accept()}),
          one("ip6 saddr fe80::1 drop", {is(Field::Ip6Saddr, ip("fe80::1")), drop()}),
          one("ip6 daddr fe80::/10 drop", {startsWith(Field::Ip6Daddr, ip("fe80::"), 10), drop()}),
          one("ip6 daddr 2001:db8::/32 ip6 saddr ::1 drop",
              {startsWith(Field::Ip6Daddr, ip("2001:db8::"), 32), is(Field::Ip6Saddr, ip("::1")),
               drop()}),
          one("ip saddr @members accept", {in({Field::IpSaddr}, "members"), accept()}),
          one("ip saddr != @members accept", {notIn({Field::IpSaddr}, "members"), accept()}),
          one("ip6 daddr @members6 drop", {in({Field::Ip6Daddr}, "members6"), drop()}),
          one("ip saddr @blocks drop", {in({Field::IpSaddr}, "blocks"), drop()}),
          one("ip saddr @members ip daddr @blocks drop",
              {in({Field::IpSaddr}, "members"), in({Field::IpDaddr}, "blocks"), drop()}),
      });
}

void addProtocols(std::vector<RuleCase>& cases) {
  cases.insert(
      cases.end(),
      {
          one("meta nfproto ipv6 accept", {is(Field::NfProto, byte(10)), accept()}),
          one("meta nfproto != ipv4 accept", {isNot(Field::NfProto, byte(2)), accept()}),
          one("meta l4proto tcp accept", {is(Field::L4Proto, kTcp), accept()}),
          one("meta l4proto != udp accept", {isNot(Field::L4Proto, kUdp), accept()}),
          one("tcp dport 80 accept",
              {is(Field::L4Proto, kTcp), is(Field::ThDport, port(80)), accept()}),
          one("udp sport 53 accept",
              {is(Field::L4Proto, kUdp), is(Field::ThSport, port(53)), accept()}),
          one("tcp dport 8000-8080 accept",
              {is(Field::L4Proto, kTcp), between(Field::ThDport, port(8000), port(8080)),
               accept()}),
          one("tcp dport != 8000-8080 goto other",
              {is(Field::L4Proto, kTcp), between(Field::ThDport, port(8000), port(8080), true),
               goTo("other")}),
          one("th dport 80-90 th sport != 5 accept", {between(Field::ThDport, port(80), port(90)),
                                                      isNot(Field::ThSport, port(5)), accept()}),
          one("icmpv6 type nd-neighbor-solicit accept",
              {is(Field::Icmpv6Type, byte(135)), accept()}),
          one("icmpv6 type 133-137 accept",
              {between(Field::Icmpv6Type, byte(133), byte(137)), accept()}),
          one("ip6 saddr ::1 icmpv6 type nd-router-solicit accept",
              {is(Field::Ip6Saddr, ip("::1")), is(Field::Icmpv6Type, byte(133)), accept()}),
          one("icmpv6 type nd-router-solicit ip6 saddr ::1 accept",
              {is(Field::Icmpv6Type, byte(133)), is(Field::Ip6Saddr, ip("::1")), accept()}),
          one("meta l4proto . th dport vmap @ports",
              {nft::VerdictMapLookup{{Field::L4Proto, Field::ThDport}, "ports"}}),
          one("ip saddr . meta l4proto . th dport @services accept",
              {in({Field::IpSaddr, Field::L4Proto, Field::ThDport}, "services"), accept()}),
          one("ip6 saddr . ip6 daddr . th dport @pairs6 accept",
              {in({Field::Ip6Saddr, Field::Ip6Daddr, Field::ThDport}, "pairs6"), accept()}),
      });
}

void addInterfaces(std::vector<RuleCase>& cases) {
  const nft::Key kpol = interfacesLike("kpol");
  cases.insert(
      cases.end(),
      {
          one("iifname \"kpol0\" accept", {is(Field::IifName, interface("kpol0")), accept()}),
          one("oifname != \"kpol0\" accept", {isNot(Field::OifName, interface("kpol0")), accept()}),
          one("iifname \"kpol*\" drop", {startsWith(Field::IifName, kpol, 32), drop()}),
          one("oifname != \"kpol*\" drop", {startsWith(Field::OifName, kpol, 32, true), drop()}),
          one("iifname @interfaces accept", {in({Field::IifName}, "interfaces"), accept()}),
          one("iifname \"kpol*\" iifname . ip saddr != @endpoints drop",
              {startsWith(Field::IifName, kpol, 32),
               notIn({Field::IifName, Field::IpSaddr}, "endpoints"), drop()}),
          one("oifname . ip6 daddr @endpoints6 accept",
              {in({Field::OifName, Field::Ip6Daddr}, "endpoints6"), accept()}),
      });
}

void addConntrack(std::vector<RuleCase>& cases) {
  namespace state = nft::ct_state;
  cases.insert(cases.end(),
               {
                   one("ct state established,related accept",
                       {stateIn(state::kEstablished | state::kRelated), accept()}),
                   one("ct state new drop", {stateIn(state::kNew), drop()}),
                   one("ct state invalid,untracked drop",
                       {stateIn(state::kInvalid | state::kUntracked), drop()}),
                   one("ct state != new drop", {isNot(Field::CtState, word(state::kNew)), drop()}),
                   one("ct label 0 drop", {label(0), drop()}),
                   one("ct label 63 drop", {label(63), drop()}),
                   one("ct label 64 drop", {label(64), drop()}),
                   one("ct label 127 drop", {label(127), drop()}),
                   one("ct label set 1", {nft::SetCtLabel{1}}),
                   one("ct label set 127", {nft::SetCtLabel{127}}),
               });
}

void addTranslations(std::vector<RuleCase>& cases) {
  namespace status = nft::ct_status;
  const auto statusIn = [](std::uint32_t bits) {
    return nft::Match{{Field::CtStatus}, false, nft::AnyBit{bits}};
  };
  const auto translation = [](std::string text, std::vector<Statement> statements) {
    return RuleCase{std::move(text), {std::move(statements), {}}, "prerouting"};
  };
  const auto masquerade = [](std::string text, std::vector<Statement> statements) {
    statements.emplace_back(nft::Masquerade{});
    return RuleCase{std::move(text), {std::move(statements), {}}, "postrouting"};
  };
  const std::vector portOfNode{Field::IpDaddr, Field::L4Proto, Field::ThDport};
  const std::vector portOfNode6{Field::Ip6Daddr, Field::L4Proto, Field::ThDport};
  const std::vector portOnly{Field::L4Proto, Field::ThDport};
  const auto v4 = base::Family::V4;
  const auto v6 = base::Family::V6;
  cases.insert(
      cases.end(),
      {
          one("fib daddr type local goto other",
              {is(Field::FibDaddrType, word(nft::fib_type::kLocal)), goTo("other")}),
          one("fib daddr type != unicast drop",
              {isNot(Field::FibDaddrType, word(nft::fib_type::kUnicast)), drop()}),
          one("fib saddr type != local goto other",
              {isNot(Field::FibSaddrType, word(nft::fib_type::kLocal)), goTo("other")}),
          one("ct status dnat accept", {statusIn(status::kDestinationNat), accept()}),
          one("ct status seen-reply,snat drop",
              {statusIn(status::kSeenReply | status::kSourceNat), drop()}),
          translation("dnat ip to ip daddr . meta l4proto . th dport map @hosts4",
                      {nft::DestinationNat{v4, portOfNode, "hosts4"}}),
          translation("dnat ip6 to ip6 daddr . meta l4proto . th dport map @hosts6",
                      {nft::DestinationNat{v6, portOfNode6, "hosts6"}}),
          translation("dnat ip to meta l4proto . th dport map @ports4",
                      {nft::DestinationNat{v4, portOnly, "ports4"}}),
          translation("fib daddr type local dnat ip6 to meta l4proto . th dport map @ports6",
                      {is(Field::FibDaddrType, word(nft::fib_type::kLocal)),
                       nft::DestinationNat{v6, portOnly, "ports6"}}),
          RuleCase{"ip saddr 127.0.0.0/8 snat ip to 192.0.2.1",
                   {{startsWith(Field::IpSaddr, ip("127.0.0.0"), 8),
                     nft::SourceNat{*base::IpAddress::parse("192.0.2.1")}},
                    {}},
                   "postrouting"},
          RuleCase{"ip6 saddr @members6 snat ip6 to 2001:db8::1",
                   {{in({Field::Ip6Saddr}, "members6"),
                     nft::SourceNat{*base::IpAddress::parse("2001:db8::1")}},
                    {}},
                   "postrouting"},
          masquerade("masquerade", {}),
          masquerade("ct status dnat ip saddr @members masquerade",
                     {statusIn(status::kDestinationNat), in({Field::IpSaddr}, "members")}),
          masquerade("ip saddr 127.0.0.0/8 oifname \"kpol*\" masquerade",
                     {startsWith(Field::IpSaddr, ip("127.0.0.0"), 8),
                      startsWith(Field::OifName, interfacesLike("kpol"), 32)}),
      });
}

void addStatements(std::vector<RuleCase>& cases) {
  using Kind = nft::Verdict::Kind;
  const std::string longName(200, 'l');
  cases.insert(
      cases.end(),
      {
          one("accept", {accept()}),
          one("drop", {drop()}),
          one("continue", {nft::Verdict{Kind::Continue, {}}}),
          one("return", {nft::Verdict{Kind::Return, {}}}),
          one("jump other", {jump("other")}),
          one("goto other", {goTo("other")}),
          one("goto " + longName, {goTo(longName)}),
          one("ip saddr vmap @dispatch", {nft::VerdictMapLookup{{Field::IpSaddr}, "dispatch"}}),
          one("counter name \"denied\" drop", {nft::CounterReference{"denied"}, drop()}),
          one("counter packets 0 bytes 0 drop", {nft::AnonymousCounter{}, drop()}),
          one("log", {nft::Log{}}),
          one("log group 0", {nft::Log{{}, 0}}),
          one("log prefix \"kpol denied\" group 5", {nft::Log{"kpol denied", 5}}),
          one("log prefix \"kpol \"", {nft::Log{"kpol ", {}}}),
          {"drop comment \"default/web: rule 1\"", {{drop()}, "default/web: rule 1"}},
          {"drop comment \"" + std::string(127, 'c') + "\"", {{drop()}, std::string(127, 'c')}},
          one("ip saddr @members meta l4proto != tcp counter name \"denied\" log group 5 drop",
              {in({Field::IpSaddr}, "members"), isNot(Field::L4Proto, kTcp),
               nft::CounterReference{"denied"}, nft::Log{{}, 5}, drop()}),
      });
}

nft::Set declare(std::string name, std::vector<nft::DataType> key, bool interval = false) {
  nft::Set set;
  set.name = std::move(name);
  set.key = std::move(key);
  set.interval = interval;
  return set;
}

nft::Set destinations(std::string name, std::vector<nft::DataType> key, nft::DataType address) {
  nft::Set set = declare(std::move(name), std::move(key));
  set.kind = nft::Set::Kind::Map;
  set.value = {address, nft::DataType::InetService};
  return set;
}

nft::Chain translationChain(std::string name, nft::BaseChain::Hook hook, int priority) {
  using nft::BaseChain;
  return {std::move(name),
          BaseChain{BaseChain::Type::Nat, hook, priority, nft::Verdict::Kind::Accept},
          {}};
}

nft::Set verdictMap(std::string name, std::vector<nft::DataType> key) {
  nft::Set set = declare(std::move(name), std::move(key));
  set.kind = nft::Set::Kind::VerdictMap;
  return set;
}

}  // namespace

std::vector<RuleCase> ruleCases() {
  std::vector<RuleCase> cases;
  addAddresses(cases);
  addProtocols(cases);
  addInterfaces(cases);
  addConntrack(cases);
  addTranslations(cases);
  addStatements(cases);
  return cases;
}

nft::Ruleset tableForRuleCases() {
  using enum nft::DataType;
  nft::Ruleset table;
  table.counters = {"denied"};
  table.add(declare("members", {Ipv4Addr}));
  table.add(declare("members6", {Ipv6Addr}));
  table.add(declare("blocks", {Ipv4Addr}, true));
  table.add(declare("services", {Ipv4Addr, InetProto, InetService}));
  table.add(declare("pairs6", {Ipv6Addr, Ipv6Addr, InetService}));
  table.add(declare("interfaces", {IfName}));
  table.add(declare("endpoints", {IfName, Ipv4Addr}));
  table.add(declare("endpoints6", {IfName, Ipv6Addr}));
  table.add(verdictMap("dispatch", {Ipv4Addr}));
  table.add(verdictMap("ports", {InetProto, InetService}));
  table.add(nft::Chain{"other", {}, {}});
  table.add(nft::Chain{std::string(200, 'l'), {}, {}});
  table.add(destinations("hosts4", {Ipv4Addr, InetProto, InetService}, Ipv4Addr));
  table.add(destinations("hosts6", {Ipv6Addr, InetProto, InetService}, Ipv6Addr));
  table.add(destinations("ports4", {InetProto, InetService}, Ipv4Addr));
  table.add(destinations("ports6", {InetProto, InetService}, Ipv6Addr));
  table.add(forwardChain());
  table.add(translationChain("prerouting", nft::BaseChain::Hook::Prerouting, -105));
  table.add(translationChain("postrouting", nft::BaseChain::Hook::Postrouting, 95));
  return table;
}

}  // namespace kpol::test
