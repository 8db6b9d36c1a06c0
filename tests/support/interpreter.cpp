// SPDX-License-Identifier: Apache-2.0
#include "tests/support/interpreter.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <stdexcept>

namespace kpol::test {
namespace {

using nft::Field;
using nft::Key;
using nft::Verdict;

// `fib saddr type`, as the kernel has it in a register.
Key fibType(bool foreign) {
  const std::uint32_t type = foreign ? nft::fib_type::kUnicast : nft::fib_type::kLocal;
  std::array<std::uint8_t, sizeof type> bytes{};
  std::memcpy(bytes.data(), &type, bytes.size());
  return Key(bytes);
}

// The value of a field in the packet; nullopt if the expression would break the rule.
std::optional<Key> load(const Packet& packet, Field field) {
  const auto& flow = packet.flow;
  const bool v4 = flow.source.isV4();
  const auto address = [](bool has, const base::IpAddress& ip) {
    return has ? std::optional(Key::of(ip)) : std::nullopt;
  };
  const auto name = [](const std::string& text) {
    const auto parsed = base::IfName::parse(text);
    return parsed ? std::optional(Key::of(*parsed)) : std::nullopt;
  };
  // The transport header of any protocol has bytes where ports would be.
  const auto port = [&](std::uint16_t value) { return std::optional(Key::of(value)); };
  switch (field) {
    case Field::FibSaddrType: return fibType(packet.relayed);
    case Field::IpSaddr: return address(v4, flow.source);
    case Field::IpDaddr: return address(v4, flow.destination);
    case Field::Ip6Saddr: return address(!v4, flow.source);
    case Field::Ip6Daddr: return address(!v4, flow.destination);
    case Field::L4Proto: return Key::of(flow.protocol);
    case Field::ThSport: return port(40000);
    case Field::ThDport: return port(flow.destinationPort);
    case Field::IifName: return name(packet.iif);
    case Field::OifName: return name(packet.oif);
    case Field::NfProto: return Key::of(static_cast<std::uint8_t>(v4 ? 2 : 10));
    case Field::Icmpv6Type:
      return flow.protocol == 58 ? std::optional(Key::of(packet.icmpType)) : std::nullopt;
    case Field::CtState:
    case Field::CtLabel:
    case Field::CtStatus:      // translations of packets are not modelled
    case Field::FibDaddrType:  // nor routes
      break;
  }
  throw std::logic_error("field has no value of its own: " + std::string(nft::fieldName(field)));
}

std::optional<Key> load(const Packet& packet, const std::vector<Field>& fields) {
  std::optional<Key> result;
  for (const auto field : fields) {
    const auto part = load(packet, field);
    if (!part) return std::nullopt;
    result = result ? result->dot(*part) : *part;
  }
  return result;
}

bool within(const Key& value, const Key& first, const Key& last,
            const std::vector<nft::DataType>& types) {
  if (types.size() == 1) return first <= value && value <= last;
  std::size_t offset = 0;
  for (const auto type : types) {  // part by part
    const auto part = [&](const Key& key) {
      return key.bytes().subspan(offset, nft::byteLength(type));
    };
    const auto v = part(value);
    const auto f = part(first);
    const auto l = part(last);
    if (std::lexicographical_compare(v.begin(), v.end(), f.begin(), f.end())) return false;
    if (std::lexicographical_compare(l.begin(), l.end(), v.begin(), v.end())) return false;
    offset += (nft::byteLength(type) + 3) / 4 * 4;
  }
  return true;
}

const nft::Set& setNamed(const nft::Ruleset& ruleset, const std::string& name,
                         const std::vector<Field>& fields) {
  const auto found = ruleset.sets.find(name);
  if (found == ruleset.sets.end()) throw std::logic_error("no set " + name);
  std::vector<nft::DataType> types;
  for (const auto field : fields) types.push_back(nft::typeOf(field));
  if (types != found->second.key) throw std::logic_error("set of another type: " + name);
  return found->second;
}

const nft::Element* find(const nft::Set& set, const Key& key) {
  if (!set.interval) {
    const auto found = std::lower_bound(
        set.elements.begin(), set.elements.end(), key,
        [](const nft::Element& element, const Key& wanted) { return element.first < wanted; });
    return found != set.elements.end() && found->first == key ? &*found : nullptr;
  }
  for (const auto& element : set.elements)
    if (within(key, element.first, element.last, set.key)) return &element;
  return nullptr;
}

bool hasPrefix(const Key& value, const nft::Wildcard& wildcard) {
  for (std::size_t bit = 0; bit < wildcard.bits; ++bit) {
    const auto mask = static_cast<std::uint8_t>(0x80U >> (bit % 8));
    if (((value.bytes()[bit / 8] ^ wildcard.value.bytes()[bit / 8]) & mask) != 0) return false;
  }
  return true;
}

// What a statement does with the packet.
struct Step {
  enum class Kind { Next, Break, Verdict } kind = Kind::Next;
  Verdict verdict;
};

// Which of two generations of a table a packet meets. Every entry of a base chain and every lookup
// is one step; from step `turn` on the packet meets the new one.
class Generations {
 public:
  Generations(const nft::Ruleset& before, const nft::Ruleset& after, std::size_t turn)
      : before_(before), after_(after), turn_(turn) {}

  // The rules for a packet that enters a base chain now.
  const nft::Ruleset& enter() { return step() ? after_ : before_; }

  // The set of a rule of the generation `rules`. An old rule refers to the object, not to its name:
  // if the set is deleted or recreated, it is the old one with its old elements.
  const nft::Set& lookUp(const nft::Ruleset& rules, const std::string& name,
                         const std::vector<Field>& fields) {
    const nft::Set& own = setNamed(rules, name, fields);
    if (!step() || &rules == &after_) return own;
    const auto found = after_.sets.find(name);
    const bool lasts = found != after_.sets.end() && found->second.key == own.key &&
                       found->second.interval == own.interval;
    return lasts ? found->second : own;
  }

  // A chain that is only in the new generation has no rules for a packet with old rules.
  [[nodiscard]] bool isNew(const nft::Ruleset& rules, const std::string& chain) const {
    return &rules == &before_ && after_.chains.contains(chain);
  }

  [[nodiscard]] std::size_t steps() const { return steps_; }

 private:
  bool step() { return steps_++ >= turn_; }

  const nft::Ruleset& before_;
  const nft::Ruleset& after_;
  std::size_t turn_;
  std::size_t steps_ = 0;
};

class Machine {
 public:
  Machine(Generations& generations, const nft::Ruleset& rules, const Packet& packet)
      : generations_(generations), ruleset_(rules), packet_(packet) {}

  // The final verdict of the chain; nullopt if its end is reached.
  std::optional<Verdict::Kind> run(const std::string& name) {
    if (++steps_ > 1000) throw std::logic_error("endless loop at chain " + name);
    const auto chain = ruleset_.chains.find(name);
    if (chain == ruleset_.chains.end()) {
      if (generations_.isNew(ruleset_, name)) return std::nullopt;
      throw std::logic_error("no chain " + name);
    }
    for (const auto& rule : chain->second.rules) {
      const auto verdict = run(rule);
      if (!verdict || verdict->kind == Verdict::Kind::Continue) continue;
      switch (verdict->kind) {
        case Verdict::Kind::Accept:
        case Verdict::Kind::Drop: return verdict->kind;
        case Verdict::Kind::Return: return std::nullopt;
        case Verdict::Kind::Goto: return run(verdict->chain);
        case Verdict::Kind::Jump:
          if (const auto final = run(verdict->chain)) return final;
          break;
        case Verdict::Kind::Continue: break;
      }
    }
    return std::nullopt;
  }

 private:
  std::optional<Verdict> run(const nft::Rule& rule) {
    for (const auto& statement : rule.statements) {
      const auto step = std::visit([this](const auto& s) { return execute(s); }, statement);
      if (step.kind == Step::Kind::Break) return std::nullopt;
      if (step.kind == Step::Kind::Verdict) return step.verdict;
    }
    return std::nullopt;
  }

  Step execute(const nft::Match& match) {
    if (const auto* bits = std::get_if<nft::AnyBit>(&match.right))
      return {(packet_.ctState & bits->bits) != 0 ? Step::Kind::Next : Step::Kind::Break, {}};
    if (const auto* label = std::get_if<nft::LabelBit>(&match.right))
      return {packet_.revoked && label->bit == 127 ? Step::Kind::Next : Step::Kind::Break, {}};
    const auto value = load(packet_, match.left);
    if (!value) return {Step::Kind::Break, {}};
    const bool holds = compare(*value, match);
    return {holds != match.negated ? Step::Kind::Next : Step::Kind::Break, {}};
  }

  bool compare(const Key& value, const nft::Match& match) {
    if (const auto* exact = std::get_if<nft::Exact>(&match.right)) return value == exact->value;
    if (const auto* wildcard = std::get_if<nft::Wildcard>(&match.right))
      return hasPrefix(value, *wildcard);
    if (const auto* between = std::get_if<nft::Between>(&match.right))
      return between->first <= value && value <= between->last;
    const auto& name = std::get<nft::InSet>(match.right).set;
    return find(generations_.lookUp(ruleset_, name, match.left), value) != nullptr;
  }

  Step execute(const nft::VerdictMapLookup& lookup) {
    const auto value = load(packet_, lookup.key);
    if (!value) return {Step::Kind::Break, {}};
    const auto* element = find(generations_.lookUp(ruleset_, lookup.map, lookup.key), *value);
    if (element == nullptr) return {Step::Kind::Break, {}};
    return {Step::Kind::Verdict, std::get<Verdict>(element->value)};
  }

  static Step execute(const Verdict& verdict) { return {Step::Kind::Verdict, verdict}; }
  Step execute(const nft::CounterReference& reference) {
    if (!ruleset_.counters.contains(reference.counter))
      throw std::logic_error("no counter " + reference.counter);
    return {};
  }
  static Step execute(const nft::AnonymousCounter&) { return {}; }
  static Step execute(const nft::SetCtLabel&) { return {}; }
  static Step execute(const nft::Log&) { return {}; }
  // NAT statements do not change the verdict of a packet that filters have accepted, and end no
  // chain.
  static Step execute(const nft::DestinationNat&) { return {}; }
  static Step execute(const nft::SourceNat&) { return {}; }
  static Step execute(const nft::Masquerade&) { return {}; }
  static Step execute(const nft::UnknownStatement& statement) {
    throw std::logic_error("unknown statement " + statement.text);
  }

  Generations& generations_;
  const nft::Ruleset& ruleset_;
  const Packet& packet_;
  int steps_ = 0;
};

std::string interfaceOf(const policy::Snapshot& snapshot, const base::IpAddress& ip) {
  for (const auto& endpoint : snapshot.endpoints)
    if (std::binary_search(endpoint.ips.begin(), endpoint.ips.end(), ip))
      return endpoint.hostInterface ? endpoint.hostInterface->text() : "unregistered";
  return "eth0";
}

bool isNode(const policy::Snapshot& snapshot, const base::IpAddress& ip) {
  return std::find(snapshot.nodeIps.begin(), snapshot.nodeIps.end(), ip) != snapshot.nodeIps.end();
}

// The names of the filter chains of a hook, in the order in which packets pass them. Translations
// are not modelled.
std::vector<std::string> filtersAt(nft::BaseChain::Hook hook, const nft::Ruleset& ruleset) {
  std::vector<std::pair<std::int32_t, std::string>> found;
  for (const auto& [name, chain] : ruleset.chains)
    if (chain.base && chain.base->hook == hook && chain.base->type != nft::BaseChain::Type::Nat)
      found.emplace_back(chain.base->priority, name);
  std::sort(found.begin(), found.end());
  std::vector<std::string> names;
  for (auto& [priority, name] : found) names.push_back(std::move(name));
  return names;
}

bool passesHook(Generations& generations, const std::vector<std::string>& filters,
                const Packet& packet) {
  for (const auto& name : filters) {
    const nft::Ruleset& rules = generations.enter();
    const auto chain = rules.chains.find(name);
    if (chain == rules.chains.end()) continue;  // the packet meets the generation without it
    const auto verdict =
        Machine(generations, rules, packet).run(name).value_or(chain->second.base->policy);
    if (verdict == Verdict::Kind::Drop) return false;
  }
  return true;
}

// The packet at the hooks it passes, in order.
std::vector<Packet> route(const policy::Snapshot& snapshot, const policy::Flow& flow) {
  Packet packet;
  packet.flow = flow;
  const bool fromNode = isNode(snapshot, flow.source);
  const bool toNode = isNode(snapshot, flow.destination);
  if (fromNode && toNode) return {};  // never leaves the node
  if (!fromNode) packet.iif = interfaceOf(snapshot, flow.source);
  if (!toNode) packet.oif = interfaceOf(snapshot, flow.destination);
  if (fromNode) packet.hook = nft::BaseChain::Hook::Output;
  if (toNode) packet.hook = nft::BaseChain::Hook::Input;
  std::vector<Packet> packets{packet};
  if (!fromNode) {
    packet.hook = nft::BaseChain::Hook::Prerouting;
    packet.oif.clear();
    packets.insert(packets.begin(), packet);
  }
  return packets;
}

bool passesAll(Generations& generations, const nft::Ruleset& filters,
               const std::vector<Packet>& packets) {
  return std::all_of(packets.begin(), packets.end(), [&](const Packet& packet) {
    return passesHook(generations, filtersAt(packet.hook, filters), packet);
  });
}

}  // namespace

bool passes(const nft::Ruleset& ruleset, const Packet& packet) {
  Generations generations(ruleset, ruleset, 0);
  return passesAll(generations, ruleset, {packet});
}

bool passes(const nft::Ruleset& ruleset, const policy::Snapshot& snapshot,
            const policy::Flow& flow) {
  Generations generations(ruleset, ruleset, 0);
  return passesAll(generations, ruleset, route(snapshot, flow));
}

Verdicts verdictsDuring(const nft::Ruleset& before, const nft::Ruleset& after,
                        const policy::Snapshot& snapshot, const policy::Flow& flow) {
  const auto packets = route(snapshot, flow);
  Verdicts verdicts;
  for (std::size_t turn = 0;; ++turn) {
    Generations generations(before, after, turn);
    (passesAll(generations, after, packets) ? verdicts.passes : verdicts.dropped) = true;
    if (generations.steps() <= turn) return verdicts;  // it met only the old one
  }
}

bool relays(const nft::Ruleset& ruleset, const policy::Snapshot& snapshot,
            const policy::Flow& flow) {
  Packet packet;
  packet.flow = flow;
  packet.hook = nft::BaseChain::Hook::Output;
  packet.oif = interfaceOf(snapshot, flow.destination);
  packet.relayed = true;
  return passes(ruleset, packet);
}

}  // namespace kpol::test
