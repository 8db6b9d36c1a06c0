// SPDX-License-Identifier: Apache-2.0
#include "nft/shape.hpp"

#include "nft/visit.hpp"

#include <algorithm>
#include <cstring>

namespace kpol::nft {

namespace {

using Fault = std::optional<std::string>;

constexpr std::size_t kNameLength = 255;     // NFT_NAME_MAXLEN without its NUL
constexpr std::size_t kCommentLength = 127;  // NFTNL_UDATA_COMMENT_MAXLEN without its NUL
constexpr std::uint8_t kLabelBits = 128;     // XT_CONNLABEL_MAXBIT + 1

bool isName(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto inner = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '/' || c == '_' || c == '.' || c == '-';
  };
  return !name.empty() && name.size() <= kNameLength && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), inner);
}

int compare(const Key& a, const Key& b, const KeyPart& part) {
  return std::memcmp(a.bytes().data() + part.offset, b.bytes().data() + part.offset, part.length);
}

bool paddingIsZero(const Key& key, const std::vector<KeyPart>& parts) {
  const auto bytes = key.bytes();
  return std::all_of(parts.begin(), parts.end(), [&](const KeyPart& part) {
    const std::size_t end =
        parts.size() > 1 ? paddedLength(part.offset + part.length) : bytes.size();
    return std::all_of(bytes.begin() + static_cast<std::ptrdiff_t>(part.offset + part.length),
                       bytes.begin() + static_cast<std::ptrdiff_t>(end),
                       [](std::uint8_t byte) { return byte == 0; });
  });
}

Fault faultOf(const Key& key, std::span<const DataType> types) {
  if (key.bytes().size() != lengthOf(types)) {
    return "a key of " + std::to_string(key.bytes().size()) + " bytes where the types need " +
           std::to_string(lengthOf(types));
  }
  if (!paddingIsZero(key, partsOf(types))) return "nonzero padding";
  return {};
}

Fault faultOfValue(const Element& element, const Set& set) {
  switch (set.kind) {
    case Set::Kind::Set:
      if (!std::holds_alternative<std::monostate>(element.value)) return "a value in a set";
      return {};
    case Set::Kind::Map: {
      const Key* value = std::get_if<Key>(&element.value);
      return value == nullptr ? "no value in a map" : faultOf(*value, set.value);
    }
    case Set::Kind::VerdictMap:
      if (!std::holds_alternative<Verdict>(element.value)) return "no verdict in a verdict map";
      return {};
  }
  return "an unknown kind of set";
}

// The types of a list of fields.
std::vector<DataType> typesOf(const std::vector<Field>& fields) {
  std::vector<DataType> types;
  types.reserve(fields.size());
  std::transform(fields.begin(), fields.end(), std::back_inserter(types), typeOf);
  return types;
}

Fault faultOfLookup(const std::vector<Field>& key, const std::string& name, Set::Kind kind,
                    const Ruleset& table) {
  const auto set = table.sets.find(name);
  if (set == table.sets.end()) return "no set or map " + name;
  if (set->second.kind != kind) return name + " is not of the required kind";
  if (set->second.key != typesOf(key)) return "the key types of " + name + " do not match";
  return {};
}

bool hasBits(DataType type) {
  return type == DataType::CtState || type == DataType::CtStatus;
}

Fault faultOf(const DestinationNat& nat, const Ruleset& table) {
  if (nat.key.empty()) return "a NAT statement without a key";
  if (const Fault fault = faultOfLookup(nat.key, nat.map, Set::Kind::Map, table)) return fault;
  const auto address = nat.family == base::Family::V4 ? DataType::Ipv4Addr : DataType::Ipv6Addr;
  if (table.sets.at(nat.map).value != std::vector{address, DataType::InetService})
    return nat.map + " does not map to an address of the family and a port";
  return {};
}

Fault faultOf(const Match& match, const Ruleset& table) {
  if (match.left.empty()) return "a match without a field";
  if (const auto* set = std::get_if<InSet>(&match.right))
    return faultOfLookup(match.left, set->set, Set::Kind::Set, table);
  if (match.left.size() != 1) return "a concatenation matched without a set";
  const std::array types{typeOf(match.left.front())};
  return std::visit(
      Visit{
          [&](const Exact& exact) { return faultOf(exact.value, types); },
          [&](const Wildcard& wildcard) -> Fault {
            if (wildcard.bits == 0 || wildcard.bits > 8 * byteLength(types.front()))
              return "a prefix length that does not fit";
            return faultOf(wildcard.value, types);
          },
          [&](const Between& between) -> Fault {
            if (between.last < between.first) return "a range whose end is before its start";
            const Fault first = faultOf(between.first, types);
            return first ? first : faultOf(between.last, types);
          },
          [&](const AnyBit& any) -> Fault {
            if (!hasBits(types.front()) || any.bits == 0 || match.negated)
              return "a bit match that is negated, without a bit, or not of ct state or ct status";
            return {};
          },
          [&](const LabelBit& label) -> Fault {
            if (types.front() != DataType::CtLabel || label.bit >= kLabelBits || match.negated)
              return "a label match that is negated, above bit 127, or not of ct label";
            return {};
          },
          [](const InSet&) -> Fault { return {}; },
      },
      match.right);
}

}  // namespace

std::vector<KeyPart> partsOf(std::span<const DataType> types) {
  std::vector<KeyPart> parts;
  parts.reserve(types.size());
  std::size_t offset = 0;
  for (const DataType type : types) {
    parts.push_back({type, offset, byteLength(type)});
    offset += paddedLength(byteLength(type));
  }
  return parts;
}

std::size_t lengthOf(std::span<const DataType> types) {
  if (types.size() == 1) return byteLength(types.front());
  std::size_t length = 0;
  for (const DataType type : types) length += paddedLength(byteLength(type));
  return length;
}

std::optional<std::string> faultOf(const Set& declaration) {
  if (!isName(declaration.name)) return "invalid name";
  if (declaration.key.empty()) return "no key type";
  if (lengthOf(declaration.key) > Key::kCapacity) return "a key of more than 48 bytes";
  if (declaration.value.empty() == (declaration.kind == Set::Kind::Map))
    return "value types are for maps, which need them";
  if (declaration.comment.size() > kCommentLength) return "a comment of more than 127 bytes";
  if (declaration.size == 0U) return "a size of 0";
  return {};
}

std::optional<std::string> faultOf(const Element& element, const Set& set) {
  for (const Key& key : {element.first, element.last}) {
    if (const Fault fault = faultOf(key, set.key)) return fault;
  }
  if (!set.interval && element.first != element.last) return "a range in a set of exact keys";
  const auto parts = partsOf(set.key);
  const auto backwards = [&](const KeyPart& part) {
    return compare(element.last, element.first, part) < 0;
  };
  if (std::any_of(parts.begin(), parts.end(), backwards))
    return "a range whose end is before its start";
  return faultOfValue(element, set);
}

std::optional<std::string> faultOf(const Rule& rule, const Ruleset& table) {
  if (rule.comment.size() > kCommentLength) return "a comment of more than 127 bytes";
  const auto statementFault = Visit{
      [&](const Match& match) { return faultOf(match, table); },
      [&](const VerdictMapLookup& lookup) {
        return faultOfLookup(lookup.key, lookup.map, Set::Kind::VerdictMap, table);
      },
      [&](const DestinationNat& nat) { return faultOf(nat, table); },
      [](const SourceNat&) -> Fault { return {}; },
      [](const Masquerade&) -> Fault { return {}; },
      [&](const Verdict& verdict) { return faultOf(verdict, table); },
      [&](const CounterReference& reference) -> Fault {
        if (!table.counters.contains(reference.counter)) return "no counter " + reference.counter;
        return {};
      },
      [](const AnonymousCounter&) -> Fault { return {}; },
      [](const SetCtLabel& label) -> Fault {
        if (label.bit >= kLabelBits) return "a label bit above 127";
        return {};
      },
      [](const Log& log) -> Fault {
        if (log.prefix.size() > kCommentLength) return "a log prefix of more than 127 bytes";
        return {};
      },
      [](const UnknownStatement&) -> Fault { return "an unknown statement"; },
  };
  for (const Statement& statement : rule.statements) {
    if (const Fault fault = std::visit(statementFault, statement)) return fault;
  }
  return {};
}

// nft_verdict_init: the chain must exist and must not be a base chain (EOPNOTSUPP).
std::optional<std::string> faultOf(const Verdict& verdict, const Ruleset& table) {
  const std::string* target = targetOf(verdict);
  if (target == nullptr) return {};
  const auto chain = table.chains.find(*target);
  if (chain == table.chains.end()) return "no chain " + *target;
  if (chain->second.base) return *target + " is a base chain";
  return {};
}

bool overlap(const Element& a, const Element& b, std::span<const KeyPart> parts) {
  return std::all_of(parts.begin(), parts.end(), [&](const KeyPart& part) {
    return compare(a.first, b.last, part) <= 0 && compare(b.first, a.last, part) <= 0;
  });
}

const std::string* targetOf(const Verdict& verdict) {
  const bool leaves = verdict.kind == Verdict::Kind::Jump || verdict.kind == Verdict::Kind::Goto;
  return leaves ? &verdict.chain : nullptr;
}

const std::string* targetOf(const Element& element) {
  const auto* verdict = std::get_if<Verdict>(&element.value);
  return verdict == nullptr ? nullptr : targetOf(*verdict);
}

}  // namespace kpol::nft
