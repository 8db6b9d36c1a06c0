// SPDX-License-Identifier: Apache-2.0
#include "tests/support/random_rule.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <stdexcept>

namespace kpol::test {

namespace {

using nft::DataType;
using nft::Field;
using nft::Key;
using nft::Match;
using nft::Rule;
using nft::Ruleset;
using nft::Verdict;

Key address(std::string_view text) {
  return Key::of(base::IpAddress::parse(text).value());
}

Key byteKey(std::size_t value) {
  return Key::of(static_cast<std::uint8_t>(value));
}

Key wordKey(std::uint32_t hostOrder) {
  std::array<std::uint8_t, 4> bytes{};
  std::memcpy(bytes.data(), &hostOrder, bytes.size());
  return Key(bytes);
}

Key randomIpv4(Random& random) {
  if (random.oneIn(8))
    return address(random.pick({"0.0.0.0", "255.255.255.255", "127.0.0.1", "224.0.0.1"}));
  const std::array bytes{std::uint8_t{10}, std::uint8_t{0},
                         static_cast<std::uint8_t>(random.below(3)),
                         static_cast<std::uint8_t>(random.below(24))};
  return Key(bytes);
}

Key randomIpv6(Random& random) {
  if (random.oneIn(4)) {
    return address(random.pick({"::", "::1", "::ffff:1.2.3.4", "fe80::1", "ff02::1", "::1.2.3.4",
                                "1:0:2:3:4:5:6:7", "1:0:0:2:0:0:0:3",
                                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}));
  }
  std::array<std::uint8_t, 16> bytes{0x20, 0x01, 0x0d, 0xb8};
  bytes[7] = static_cast<std::uint8_t>(random.below(2));
  bytes[15] = static_cast<std::uint8_t>(random.below(24));
  return Key(bytes);
}

Key randomName(Random& random) {
  const std::array names{"lo",       "eth0", "eth1", "kpol0123456789a", "kpolb", "a", "ba", "ab",
                         "veth-1.2", "x@y",  "cali", "kpol12ab34"};
  return Key::of(base::IfName::parse(random.pick(names)).value());
}

// Whether the value could be one of `type` with the given one as its smallest; false for types in
// host order, for which ranges of bytes are not ranges of numbers.
bool hasRanges(DataType type) {
  return type == DataType::Ipv4Addr || type == DataType::Ipv6Addr || type == DataType::InetProto ||
         type == DataType::InetService;
}

// The prefix of `bits` bits that `key` is in, as a range.
std::pair<Key, Key> prefixAround(const Key& key, std::size_t bits) {
  std::vector<std::uint8_t> first(key.bytes().begin(), key.bytes().end());
  std::vector<std::uint8_t> last = first;
  for (std::size_t bit = bits; bit < 8 * first.size(); ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    first[bit / 8] = static_cast<std::uint8_t>(first[bit / 8] & ~mask);
    last[bit / 8] = static_cast<std::uint8_t>(last[bit / 8] | mask);
  }
  return {Key(first), Key(last)};
}

std::pair<Key, Key> randomRange(Random& random, DataType type) {
  const Key one = randomKey(random, type);
  if (!hasRanges(type) || random.oneIn(3)) return {one, one};
  if (random.oneIn(2)) return prefixAround(one, random.below(8 * nft::byteLength(type) + 1));
  const Key other = randomKey(random, type);
  return {std::min(one, other), std::max(one, other)};
}

std::vector<Field> fieldsOf(DataType type) {
  switch (type) {
    case DataType::Ipv4Addr: return {Field::IpSaddr, Field::IpDaddr};
    case DataType::Ipv6Addr: return {Field::Ip6Saddr, Field::Ip6Daddr};
    case DataType::InetProto: return {Field::L4Proto};
    case DataType::InetService: return {Field::ThSport, Field::ThDport};
    case DataType::IfName: return {Field::IifName, Field::OifName};
    case DataType::NfProto: return {Field::NfProto};
    case DataType::CtState: return {Field::CtState};
    case DataType::CtStatus: return {Field::CtStatus};
    case DataType::FibAddrType: return {Field::FibDaddrType, Field::FibSaddrType};
    case DataType::Icmpv6Type: return {Field::Icmpv6Type};
    default: return {};
  }
}

enum class Family { Any, V4, V6 };

// Writes one rule. The order of fields is that of header offsets: nft joins neighbouring exact
// matches into one load when it reads a rule, and lists them in that order.
class RuleWriter {
 public:
  RuleWriter(Random& random, const Ruleset& table, int chainNumber)
      : random_(random),
        table_(table),
        chainNumber_(chainNumber),
        family_(random.pick({Family::Any, Family::V4, Family::V6})) {}

  Rule write() && {
    maybe(4, [&] { writeFamily(); });
    maybe(3, [&] { writeNames(); });
    maybe(2, [&] { writeAddresses(); });
    writeSide();
    maybe(3, [&] { writeConntrack(); });
    maybe(2, [&] { writeTransport(); });
    writeSide();
    maybe(4, [&] { writeLookup(); });
    writeEnd();
    if (random_.oneIn(3)) rule_.comment = randomComment(random_);
    return std::move(rule_);
  }

 private:
  template <class Write>
  void maybe(std::size_t oneIn, Write write) {
    if (random_.oneIn(oneIn)) write();
  }
  void add(nft::Statement statement) { rule_.statements.push_back(std::move(statement)); }
  bool coin() { return random_.oneIn(2); }

  void writeFamily() {
    if (family_ == Family::Any) family_ = random_.pick({Family::V4, Family::V6});
    const bool v4 = family_ == Family::V4;
    const bool negated = random_.oneIn(4);
    const std::size_t number = v4 != negated ? 2 : 10;
    add(Match{{Field::NfProto}, negated, nft::Exact{byteKey(number)}});
  }

  void writeNames() {
    for (const Field field : {Field::IifName, Field::OifName}) {
      if (coin()) continue;
      const Key name = randomName(random_);
      if (coin()) {
        add(Match{{field}, coin(), nft::Exact{name}});
        continue;
      }
      const auto bits = static_cast<std::uint16_t>(8 * (1 + random_.below(2)));
      const auto bytes = name.bytes();
      std::array<std::uint8_t, 16> start{};
      std::copy_n(bytes.begin(), bits / 8, start.begin());
      if (start[bits / 8 - 1U] != 0) add(Match{{field}, coin(), nft::Wildcard{Key(start), bits}});
    }
  }

  void writeAddresses() {
    if (family_ == Family::Any) family_ = random_.pick({Family::V4, Family::V6});
    const bool v4 = family_ == Family::V4;
    for (const Field field : v4 ? std::array{Field::IpSaddr, Field::IpDaddr}
                                : std::array{Field::Ip6Saddr, Field::Ip6Daddr}) {
      if (coin()) writeValue(field);
    }
  }

  // The field against a value, a prefix, a range or a set.
  void writeValue(Field field) {
    const DataType type = nft::typeOf(field);
    const bool address = type == DataType::Ipv4Addr || type == DataType::Ipv6Addr;
    const bool negated = random_.oneIn(4);
    if (address && random_.oneIn(3)) {
      const std::size_t bits = 1 + random_.below(8 * nft::byteLength(type) - 1);
      const Key masked = prefixAround(randomKey(random_, type), bits).first;
      add(Match{{field}, negated, nft::Wildcard{masked, static_cast<std::uint16_t>(bits)}});
    } else if (random_.oneIn(3)) {
      const Key one = randomKey(random_, type);
      const Key other = randomKey(random_, type);
      add(Match{{field}, negated, nft::Between{std::min(one, other), std::max(one, other)}});
    } else {
      add(Match{{field}, negated, nft::Exact{randomKey(random_, type)}});
    }
  }

  void writeConntrack() {
    using namespace nft::ct_state;
    const std::uint32_t one = random_.pick({kInvalid, kEstablished, kRelated, kNew, kUntracked});
    const std::uint32_t other = random_.pick({kInvalid, kEstablished, kRelated, kNew, kUntracked});
    switch (random_.below(5)) {
      case 3:
        add(Match{
            {Field::CtStatus}, false, nft::AnyBit{random_.pick<std::uint32_t>({2, 16, 32, 48})}});
        break;
      case 4:
        add(Match{{coin() ? Field::FibDaddrType : Field::FibSaddrType},
                  coin(),
                  nft::Exact{wordKey(random_.pick<std::uint32_t>({1, 2, 3}))}});
        break;
      case 0: add(Match{{Field::CtState}, false, nft::AnyBit{one | other}}); break;
      case 1: add(Match{{Field::CtState}, coin(), nft::Exact{wordKey(one)}}); break;
      default:
        add(Match{
            {Field::CtLabel}, false, nft::LabelBit{static_cast<std::uint8_t>(random_.below(128))}});
    }
  }

  void writeTransport() {
    switch (random_.below(4)) {
      case 0:
        add(Match{
            {Field::L4Proto}, false, nft::Exact{byteKey(random_.pick({6, 17, 132, 33, 136}))}});
        writeSide();
        writePorts();
        break;
      case 1: writePort(); break;
      case 2: writeProtocol(); break;
      default:
        if (family_ != Family::V4) {
          writeValue(Field::Icmpv6Type);
          family_ = Family::V6;
          hasTransport_ = true;
        }
    }
  }

  void writePorts() {
    hasTransport_ = true;
    for (const Field field : {Field::ThSport, Field::ThDport}) {
      if (coin()) writeValue(field);
    }
  }

  // Of an unknown protocol only one: nft would join two into a load it has no name for.
  void writePort() {
    hasTransport_ = true;
    writeValue(random_.pick({Field::ThSport, Field::ThDport}));
  }

  // Fields with a family have that of the rule.
  void writeProtocol() {
    hasTransport_ = true;
    std::vector<int> protocols{6, 17, 132, 50, 200, 0, 41};
    if (family_ == Family::V4) protocols.push_back(1);
    if (family_ == Family::V6) protocols.push_back(58);
    if (coin()) {
      writeValue(Field::L4Proto);
    } else {
      const int protocol = random_.pick(protocols);
      add(Match{{Field::L4Proto}, false, nft::Exact{byteKey(static_cast<std::size_t>(protocol))}});
    }
  }

  // Statements that are no matches.
  void writeSide() {
    if (!random_.oneIn(5)) return;
    switch (random_.below(4)) {
      case 0: add(nft::AnonymousCounter{}); break;
      case 1: writeCounterReference(); break;
      case 2: add(nft::SetCtLabel{static_cast<std::uint8_t>(random_.below(128))}); break;
      default: add(randomLog());
    }
  }

  void writeCounterReference() {
    const std::vector<std::string> counters(table_.counters.begin(), table_.counters.end());
    if (!counters.empty()) add(nft::CounterReference{random_.pick(counters)});
  }

  nft::Log randomLog() {
    nft::Log log;
    log.prefix = randomComment(random_);
    if (coin()) log.group = random_.pick<std::uint16_t>({0, 5, 65535});
    return log;
  }

  // `iifname . ip saddr != @x`
  void writeLookup() {
    std::vector<const nft::Set*> usable;
    for (const auto& [name, set] : table_.sets) {
      if (set.kind == nft::Set::Kind::Set && fits(set)) usable.push_back(&set);
    }
    if (usable.empty()) return;
    const nft::Set& set = *random_.pick(usable);
    add(Match{fieldsFor(set), coin(), nft::InSet{set.name}});
  }

  void writeEnd() {
    std::vector<const nft::Set*> maps;
    for (const auto& [name, set] : table_.sets) {
      if (set.kind == nft::Set::Kind::VerdictMap && numberOf(name) > chainNumber_ && fits(set))
        maps.push_back(&set);
    }
    if (!maps.empty() && coin()) {
      const nft::Set& map = *random_.pick(maps);
      add(nft::VerdictMapLookup{fieldsFor(map), map.name});
    } else if (rule_.statements.empty() || !random_.oneIn(4)) {
      add(randomVerdict(random_, table_, chainNumber_ + 1));
    }
  }

  // Whether a lookup in the set is consistent with the rule so far.
  bool fits(const nft::Set& set) const {
    return std::all_of(set.key.begin(), set.key.end(), [&](DataType type) {
      switch (type) {
        case DataType::Ipv4Addr: return family_ != Family::V6;
        case DataType::Ipv6Addr: return family_ != Family::V4;
        case DataType::Icmpv6Type: return family_ != Family::V4 && !hasTransport_;
        case DataType::InetProto:
        case DataType::InetService: return !hasTransport_;
        default: return !fieldsOf(type).empty();
      }
    });
  }

  std::vector<Field> fieldsFor(const nft::Set& set) {
    std::vector<Field> fields;
    for (const DataType type : set.key) {
      const auto choices = fieldsOf(type);
      const bool again = std::find(fields.begin(), fields.end(), choices.front()) != fields.end();
      fields.push_back(again ? choices.back() : choices.front());
      if (type == DataType::Ipv4Addr) family_ = Family::V4;
      if (type == DataType::Ipv6Addr || type == DataType::Icmpv6Type) family_ = Family::V6;
      if (type == DataType::InetProto || type == DataType::InetService ||
          type == DataType::Icmpv6Type)
        hasTransport_ = true;
    }
    return fields;
  }

  Random& random_;
  const Ruleset& table_;
  int chainNumber_;
  Family family_;
  bool hasTransport_ = false;
  Rule rule_;
};

}  // namespace

int numberOf(const std::string& name) {
  return name[0] == 'b' ? -1 : name[1] - '0';
}

std::string randomComment(Random& random) {
  return random.pick({"", "shop/allow-web", "two words ", "a'b", "gr\xc3\xbc\xc3\x9f", "#1;{}"});
}

Key randomKey(Random& random, DataType type) {
  switch (type) {
    case DataType::Ipv4Addr: return randomIpv4(random);
    case DataType::Ipv6Addr: return randomIpv6(random);
    case DataType::InetProto:
      return byteKey(random.pick({6, 17, 132, 6, 17, 1, 58, 0, 200, 255, 50}));
    case DataType::InetService:
      return Key::of(static_cast<std::uint16_t>(
          random.pick<unsigned>({0, 1, 22, 53, 80, 443, 255, 256, 1024, 2047, 8080, 65535})));
    case DataType::IfName: return randomName(random);
    case DataType::NfProto: return byteKey(random.pick({2, 10, 2, 10, 5}));
    case DataType::CtState: return wordKey(random.pick<std::uint32_t>({1, 2, 4, 8, 64}));
    case DataType::CtStatus: return wordKey(random.pick<std::uint32_t>({2, 16, 32}));
    case DataType::FibAddrType: return wordKey(random.pick<std::uint32_t>({1, 2, 3}));
    case DataType::CtLabel: break;  // nft has no name for the type in a set's declaration
    case DataType::Icmpv6Type:
      return byteKey(random.pick({1, 2, 3, 128, 129, 133, 134, 135, 136, 137, 139, 143, 200}));
    case DataType::Mark: return wordKey(random.pick<std::uint32_t>({0, 1, 255, 256, 0xFFFFFFFF}));
  }
  throw std::logic_error("no random value of this type");
}

nft::Element randomElement(Random& random, const std::vector<DataType>& types, bool exact) {
  nft::Element element;
  for (const DataType type : types) {
    auto [first, last] = randomRange(random, type);
    if (exact) last = first;
    element.first = types.size() == 1 ? first : element.first.dot(first);
    element.last = types.size() == 1 ? last : element.last.dot(last);
  }
  return element;
}

Verdict randomVerdict(Random& random, const Ruleset& table, int first) {
  using Kind = Verdict::Kind;
  std::vector<std::string> targets;
  for (const auto& [name, chain] : table.chains) {
    if (!chain.base && numberOf(name) >= first) targets.push_back(name);
  }
  if (!targets.empty() && random.oneIn(2))
    return {random.pick({Kind::Goto, Kind::Jump}), random.pick(targets)};
  return {random.pick({Kind::Accept, Kind::Drop, Kind::Return, Kind::Continue}), {}};
}

Rule randomRule(Random& random, const Ruleset& table, int chainNumber) {
  return RuleWriter(random, table, chainNumber).write();
}

}  // namespace kpol::test
