// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_ruleset.hpp"

#include "nft/shape.hpp"
#include "tests/support/random_rule.hpp"

#include <algorithm>
#include <array>

namespace kpol::test {

namespace {

using nft::BaseChain;
using nft::Chain;
using nft::DataType;
using nft::Ruleset;
using nft::Set;
using Types = std::vector<DataType>;

constexpr auto kIpv4 = DataType::Ipv4Addr;
constexpr auto kIpv6 = DataType::Ipv6Addr;
constexpr auto kProto = DataType::InetProto;
constexpr auto kService = DataType::InetService;
constexpr auto kName = DataType::IfName;

const std::vector<Types> kExactKeys{
    {kIpv4},
    {kIpv6},
    {kProto},
    {kService},
    {kName},
    {DataType::NfProto},
    {DataType::CtState},
    {DataType::Icmpv6Type},
    {DataType::Mark},
    {kName, kIpv4},
    {kName, kIpv6},
    {kIpv4, kIpv4},
    {kIpv4, kProto, kService},
    {kIpv6, kProto, kService},
    {kIpv6, kIpv6},
    {kProto, kService},
    {DataType::NfProto, DataType::CtState},
};
const std::vector<Types> kIntervalKeys{
    {kIpv4},
    {kIpv6},
    {kService},
    {kProto},
    {kProto, kService},
    {kIpv4, kService},
    {kIpv4, kIpv4},
    {kIpv4, kProto, kService},
    {kIpv6, kService},
    {kIpv6, kProto, kService},
};
const std::vector<Types> kMapValues{{kIpv4},          {kIpv6},  {kService},
                                    {DataType::Mark}, {kProto}, {kIpv4, kService}};

std::string numbered(char letter, std::size_t number) {
  return letter + std::to_string(number);
}

BaseChain randomBase(Random& random) {
  using Hook = BaseChain::Hook;
  BaseChain base;
  base.type = random.pick({BaseChain::Type::Filter, BaseChain::Type::Filter,
                           BaseChain::Type::Filter, BaseChain::Type::Nat, BaseChain::Type::Route});
  base.policy = random.pick({nft::Verdict::Kind::Accept, nft::Verdict::Kind::Drop});
  // NAT is after conntrack (nf_tables_addchain rejects priorities up to -200), and not allowed in
  // forward; a route chain is one of output.
  switch (base.type) {
    case BaseChain::Type::Filter:
      base.hook = random.pick(
          {Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting});
      base.priority = random.pick({-400, -300, -290, -155, -150, -100, -95, -11, -10, -5, 0,
                                   10,   11,   45,   50,   60,   61,   90,  100, 110, 111});
      break;
    case BaseChain::Type::Nat:
      base.hook = random.pick({Hook::Prerouting, Hook::Input, Hook::Output, Hook::Postrouting});
      base.priority = random.pick({-150, -100, -90, -5, 0, 50, 95, 100});
      break;
    case BaseChain::Type::Route:
      base.hook = Hook::Output;
      base.priority = random.pick({-150, -100, 0, 100});
      break;
  }
  return base;
}

// A value for an element of the set, as its kind has them.
void giveValue(nft::Element& element, const Set& set, const Ruleset& table, Random& random) {
  if (set.kind == Set::Kind::Map) element.value = randomElement(random, set.value, true).first;
  if (set.kind == Set::Kind::VerdictMap)
    element.value = randomVerdict(random, table, numberOf(set.name));
}

// Adds an element where there is room for it.
void addElement(Set& set, const Ruleset& table, Random& random) {
  if (set.size && set.elements.size() >= *set.size) return;
  nft::Element element = randomElement(random, set.key, !set.interval);
  const auto parts = nft::partsOf(set.key);
  const auto meets = [&](const nft::Element& other) { return overlap(element, other, parts); };
  if (std::any_of(set.elements.begin(), set.elements.end(), meets)) return;
  giveValue(element, set, table, random);
  const auto place = std::lower_bound(
      set.elements.begin(), set.elements.end(), element,
      [](const nft::Element& a, const nft::Element& b) { return a.first < b.first; });
  set.elements.insert(place, std::move(element));
}

void redeclare(Set& set, Random& random) {
  if (random.oneIn(2)) {
    set.interval = random.oneIn(3);
    set.key = random.pick(set.interval ? kIntervalKeys : kExactKeys);
    if (set.kind == Set::Kind::Map) set.value = random.pick(kMapValues);
    set.elements.clear();
  }
  set.size.reset();
  if (random.oneIn(2)) set.size = random.pick<std::uint32_t>({3, 8, 16, 1024});
  set.comment = randomComment(random);
}

Set& addSet(Ruleset& table, const std::string& name, Random& random) {
  Set set;
  set.name = name;
  set.kind = name[0] == 's'   ? Set::Kind::Set
             : name[0] == 'm' ? Set::Kind::Map
                              : Set::Kind::VerdictMap;
  set.key = {kIpv4};
  if (set.kind == Set::Kind::Map) set.value = {kIpv4};
  redeclare(set, random);
  Set& added = table.sets[name] = set;
  for (std::size_t count = random.below(16); count > 0; --count) addElement(added, table, random);
  return added;
}

Chain& addChain(Ruleset& table, const std::string& name, Random& random) {
  Chain chain{name, {}, {}};
  if (name[0] == 'b') chain.base = randomBase(random);
  return table.chains[name] = chain;
}

void addRule(Ruleset& table, Chain& chain, Random& random) {
  chain.rules.push_back(randomRule(random, table, numberOf(chain.name)));
}

std::string randomSetName(Random& random) {
  const char letter = random.pick({'s', 's', 'm', 'v', 'v'});
  return numbered(letter, letter == 'v' ? 1 + random.below(9) : random.below(6));
}

std::string randomChainName(Random& random) {
  return random.oneIn(3) ? numbered('b', random.below(4)) : numbered('c', random.below(10));
}

template <class Map>
auto& pickValue(Map& map, Random& random) {
  return std::next(map.begin(), static_cast<std::ptrdiff_t>(random.below(map.size())))->second;
}

void changeElements(Set& set, const Ruleset& table, Random& random) {
  if (set.elements.empty() || random.oneIn(2)) return addElement(set, table, random);
  const auto place =
      set.elements.begin() + static_cast<std::ptrdiff_t>(random.below(set.elements.size()));
  if (set.kind == Set::Kind::Set || random.oneIn(2)) {
    set.elements.erase(place);
  } else {
    giveValue(*place, set, table, random);
  }
}

void changeRules(Ruleset& table, Chain& chain, Random& random) {
  if (chain.rules.empty() || random.oneIn(2)) return addRule(table, chain, random);
  const auto place =
      chain.rules.begin() + static_cast<std::ptrdiff_t>(random.below(chain.rules.size()));
  if (random.oneIn(2)) {
    chain.rules.erase(place);
  } else {
    *place = randomRule(random, table, numberOf(chain.name));
  }
}

void changeSet(Ruleset& table, Random& random) {
  if (table.sets.empty() || random.oneIn(6)) {
    const std::string name = randomSetName(random);
    if (!table.sets.contains(name)) addSet(table, name, random);
    return;
  }
  Set& set = pickValue(table.sets, random);
  if (random.oneIn(6)) {
    table.sets.erase(std::string(set.name));
  } else if (random.oneIn(5)) {
    redeclare(set, random);
  } else {
    changeElements(set, table, random);
  }
}

// A regular chain can become a base chain; what led to it is taken away by makeValid().
void changeChain(Ruleset& table, Random& random) {
  if (table.chains.empty() || random.oneIn(6)) {
    const std::string name = randomChainName(random);
    if (!table.chains.contains(name)) addChain(table, name, random);
    return;
  }
  Chain& chain = pickValue(table.chains, random);
  if (random.oneIn(6)) {
    table.chains.erase(std::string(chain.name));
  } else if (random.oneIn(6)) {
    if (chain.base && chain.name[0] == 'c') {
      chain.base.reset();
    } else {
      chain.base = randomBase(random);
    }
  } else {
    changeRules(table, chain, random);
  }
}

void changeCounter(Ruleset& table, Random& random) {
  const std::string name = numbered('n', random.below(5));
  if (table.counters.erase(name) == 0) table.counters.insert(name);
}

}  // namespace

void makeValid(Ruleset& table) {
  for (auto& [name, set] : table.sets) {
    std::erase_if(set.elements, [&, &declared = set](const nft::Element& element) {
      const auto* verdict = std::get_if<nft::Verdict>(&element.value);
      return faultOf(element, declared) || (verdict != nullptr && faultOf(*verdict, table));
    });
    if (set.size && set.elements.size() > *set.size) set.elements.resize(*set.size);
  }
  for (auto& [name, chain] : table.chains) {
    std::erase_if(chain.rules,
                  [&](const nft::Rule& rule) { return faultOf(rule, table).has_value(); });
  }
}

Ruleset randomRuleset(Random& random) {
  Ruleset table;
  for (std::size_t count = random.below(4); count > 0; --count)
    table.counters.insert(numbered('n', random.below(5)));
  for (std::size_t count = random.below(8); count > 0; --count)
    addChain(table, randomChainName(random), random);
  for (std::size_t count = random.below(8); count > 0; --count)
    addSet(table, randomSetName(random), random);
  for (auto& [name, chain] : table.chains) {
    for (std::size_t count = random.below(7); count > 0; --count) addRule(table, chain, random);
  }
  makeValid(table);
  return table;
}

Ruleset mutated(Ruleset table, Random& random) {
  for (std::size_t count = 1 + random.below(6); count > 0; --count) {
    switch (random.below(5)) {
      case 0: changeCounter(table, random); break;
      case 1:
      case 2: changeSet(table, random); break;
      default: changeChain(table, random); break;
    }
  }
  makeValid(table);
  return table;
}

}  // namespace kpol::test
