// SPDX-License-Identifier: Apache-2.0
#include "nft/ruleset.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <cstring>

namespace kpol::nft {

namespace {

struct TypeRow {
  std::string_view name;
  std::size_t length;
};

// In the order of DataType. Names as in `nft describe` and set declarations (nftables
// include/datatype.h and src/datatype.c).
constexpr std::array kTypes{
    TypeRow{"ipv4_addr", 4},    TypeRow{"ipv6_addr", 16}, TypeRow{"inet_proto", 1},
    TypeRow{"inet_service", 2}, TypeRow{"ifname", 16},    TypeRow{"nf_proto", 1},
    TypeRow{"ct_state", 4},     TypeRow{"ct_label", 16},  TypeRow{"icmpv6_type", 1},
    TypeRow{"mark", 4},         TypeRow{"ct_status", 4},  TypeRow{"fib_addrtype", 4},
};

struct FieldRow {
  std::string_view name;
  DataType type;
};

// In the order of Field.
constexpr std::array kFields{
    FieldRow{"ip saddr", DataType::Ipv4Addr},
    FieldRow{"ip daddr", DataType::Ipv4Addr},
    FieldRow{"ip6 saddr", DataType::Ipv6Addr},
    FieldRow{"ip6 daddr", DataType::Ipv6Addr},
    FieldRow{"meta l4proto", DataType::InetProto},
    FieldRow{"th sport", DataType::InetService},
    FieldRow{"th dport", DataType::InetService},
    FieldRow{"iifname", DataType::IfName},
    FieldRow{"oifname", DataType::IfName},
    FieldRow{"meta nfproto", DataType::NfProto},
    FieldRow{"ct state", DataType::CtState},
    FieldRow{"ct label", DataType::CtLabel},
    FieldRow{"icmpv6 type", DataType::Icmpv6Type},
    FieldRow{"ct status", DataType::CtStatus},
    FieldRow{"fib daddr type", DataType::FibAddrType},
    FieldRow{"fib saddr type", DataType::FibAddrType},
};

template <class Table, class Enum>
const auto& row(const Table& table, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  base::expects(index < table.size(), "enumerator is known");
  return table[index];
}

}  // namespace

std::string_view typeName(DataType type) {
  return row(kTypes, type).name;
}

std::size_t byteLength(DataType type) {
  return row(kTypes, type).length;
}

std::string_view fieldName(Field field) {
  return row(kFields, field).name;
}

DataType typeOf(Field field) {
  return row(kFields, field).type;
}

Key::Key(std::span<const std::uint8_t> bytes) : size_(static_cast<std::uint8_t>(bytes.size())) {
  base::expects(bytes.size() <= kCapacity, "a key has at most 48 bytes");
  std::copy(bytes.begin(), bytes.end(), bytes_.begin());
}

Key Key::of(const base::IpAddress& address) {
  return Key(address.bytes());
}

Key Key::of(const base::IfName& name) {
  Key key;
  key.size_ = static_cast<std::uint8_t>(byteLength(DataType::IfName));
  std::copy(name.text().begin(), name.text().end(), key.bytes_.begin());
  return key;
}

Key Key::of(std::uint8_t value) {
  return Key(std::span(&value, 1));
}

Key Key::of(std::uint16_t port) {
  const std::array<std::uint8_t, 2> bytes{static_cast<std::uint8_t>(port >> 8U),
                                          static_cast<std::uint8_t>(port & 0xFFU)};
  return Key(bytes);
}

Key Key::of(base::Protocol protocol) {
  return of(static_cast<std::uint8_t>(protocol));
}

Key Key::dot(const Key& part) const {
  const std::size_t at = paddedLength(size_);
  const std::size_t size = at + paddedLength(part.size_);
  base::expects(size <= kCapacity, "a concatenation has at most 48 bytes");
  Key joined = *this;
  std::copy_n(part.bytes_.begin(), part.size_,
              joined.bytes_.begin() + static_cast<std::ptrdiff_t>(at));
  joined.size_ = static_cast<std::uint8_t>(size);
  return joined;
}

// Bytes after size_ are always zero. Therefore comparing whole arrays compares the shorter key as
// if padded with zeros, and only equal arrays need the length. This avoids a branch on the length
// for the 100k keys of a large set.
std::strong_ordering Key::operator<=>(const Key& other) const {
  const int order = std::memcmp(bytes_.data(), other.bytes_.data(), kCapacity);
  return order != 0 ? order <=> 0 : size_ <=> other.size_;
}

bool Key::operator==(const Key& other) const {
  return size_ == other.size_ && std::memcmp(bytes_.data(), other.bytes_.data(), size_) == 0;
}

Element element(const Key& key) {
  return {key, key, {}};
}

Element element(const Key& key, Verdict verdict) {
  return {key, key, std::move(verdict)};
}

Element range(const Key& first, const Key& last) {
  return {first, last, {}};
}

Element range(const Key& first, const Key& last, Verdict verdict) {
  return {first, last, std::move(verdict)};
}

bool sameDeclaration(const Set& a, const Set& b) {
  return a.name == b.name && a.kind == b.kind && a.key == b.key && a.value == b.value &&
         a.interval == b.interval && a.size == b.size && a.comment == b.comment;
}

Set declarationOf(const Set& set) {
  return {set.name, set.kind, set.key, set.value, set.interval, set.size, set.comment, {}};
}

Set& Ruleset::add(Set set) {
  std::string name = set.name;
  const auto [place, fresh] = sets.try_emplace(std::move(name), std::move(set));
  base::expects(fresh, "the set's name is new");
  return place->second;
}

Chain& Ruleset::add(Chain chain) {
  std::string name = chain.name;
  const auto [place, fresh] = chains.try_emplace(std::move(name), std::move(chain));
  base::expects(fresh, "the chain's name is new");
  return place->second;
}

}  // namespace kpol::nft
