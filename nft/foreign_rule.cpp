// SPDX-License-Identifier: Apache-2.0
#include "nft/foreign_rule.hpp"

#include "nft/handles.hpp"
#include "nft/xt_match.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <map>
#include <optional>
#include <span>
#include <string_view>

namespace kpol::nft {
namespace {

using ForeignField = ForeignMatch::Field;
using ForeignVerdict = ForeignRule::Verdict;
using RawValue = std::span<const std::uint8_t>;

// The position of an address in a network header.
struct AddressPlace {
  std::uint32_t offset;
  std::uint32_t size;
  ForeignField field;
};
constexpr std::array kAddressPlaces = {
    AddressPlace{12, 4, ForeignField::Source}, AddressPlace{16, 4, ForeignField::Destination},
    AddressPlace{8, 16, ForeignField::Source}, AddressPlace{24, 16, ForeignField::Destination}};

// The content of a register.
struct Loaded {
  ForeignField field = ForeignField::Unknown;
  std::uint32_t addressSize = 0;
  std::vector<std::uint8_t> mask = {};  // empty: all bits
};

// The positions of the protocol in a network header, and of the port in a transport header.
constexpr std::uint32_t kProtocolInIpv4 = 9, kNextHeaderInIpv6 = 6, kDestinationPort = 2;

RawValue data(const nftnl_expr* expr, std::uint16_t attribute) {
  std::uint32_t size = 0;
  const auto* bytes = static_cast<const std::uint8_t*>(nftnl_expr_get(expr, attribute, &size));
  return bytes == nullptr ? RawValue() : RawValue(bytes, size);
}

std::uint32_t number(const nftnl_expr* expr, std::uint16_t attribute) {
  return nftnl_expr_is_set(expr, attribute) ? nftnl_expr_get_u32(expr, attribute) : 0;
}

std::string_view text(const nftnl_expr* expr, std::uint16_t attribute) {
  const char* value = nftnl_expr_get_str(expr, attribute);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// The number of leading ones; nullopt if other bits are set.
std::optional<unsigned> prefixLength(RawValue mask) {
  unsigned length = 0;
  bool ended = false;
  for (const auto byte : mask) {
    const auto ones = static_cast<unsigned>(std::countl_one(byte));
    if ((ended && byte != 0) || std::popcount(byte) != static_cast<int>(ones)) return std::nullopt;
    length += ones;
    ended = ended || ones < 8;
  }
  return length;
}

std::optional<base::Prefix> prefixOf(const Loaded& loaded, RawValue value) {
  auto length = static_cast<unsigned>(8 * value.size());
  if (!loaded.mask.empty()) {
    const auto masked = prefixLength(loaded.mask);
    if (!masked) return std::nullopt;
    length = *masked;
  }
  std::array<std::uint8_t, 16> bytes{};
  if (value.size() > loaded.addressSize) return std::nullopt;
  std::copy(value.begin(), value.end(), bytes.begin());
  const auto address = base::IpAddress::fromBytes(RawValue(bytes).first(loaded.addressSize));
  return address ? base::Prefix::make(*address, length) : std::nullopt;
}

ForeignMatch nameMatch(ForeignField field, RawValue value) {
  ForeignMatch match;
  match.field = field;
  const std::string_view padded(reinterpret_cast<const char*>(value.data()), value.size());
  match.name = padded.substr(0, padded.find('\0'));
  // A complete name is compared including its padding zeros.
  match.isPrefix = match.name.size() == padded.size();
  return match;
}

std::uint32_t hostOrder(RawValue bytes) {
  std::uint32_t value = 0;
  if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

// `ct state new` is encoded as: (loaded & mask) != 0.
ForeignMatch stateMatch(const Loaded& loaded, RawValue value, bool equal) {
  ForeignMatch match;
  if (loaded.mask.empty()) {
    match.states = hostOrder(value);
    match.negated = !equal;
  } else {
    if (hostOrder(value) != 0) return match;
    match.states = hostOrder(loaded.mask);
    match.negated = equal;
  }
  match.field = ForeignField::CtState;
  return match;
}

// `op` is one of those that nft uses for values (==, !=) and for ranges (>=, <=).
ForeignMatch portMatch(const Loaded& loaded, RawValue value, std::uint32_t op) {
  ForeignMatch match;
  if (!loaded.mask.empty() || value.size() != 2) return match;
  const auto port = static_cast<std::uint16_t>(value[0] << 8U | value[1]);
  switch (op) {
    case NFT_CMP_EQ:
    case NFT_CMP_NEQ: match.firstPort = match.lastPort = port; break;
    case NFT_CMP_GTE: match.firstPort = port; break;
    case NFT_CMP_LTE: match.lastPort = port; break;
    default: return match;
  }
  match.negated = op == NFT_CMP_NEQ;
  match.field = ForeignField::DestinationPort;
  return match;
}

ForeignMatch compared(const Loaded& loaded, RawValue value, bool equal) {
  ForeignMatch match;
  switch (loaded.field) {
    case ForeignField::IifName:
    case ForeignField::OifName:
      if (!loaded.mask.empty()) return match;
      match = nameMatch(loaded.field, value);
      break;
    case ForeignField::Source:
    case ForeignField::Destination:
      match.prefix = prefixOf(loaded, value);
      if (!match.prefix) return match;
      match.field = loaded.field;
      break;
    case ForeignField::CtState: return stateMatch(loaded, value, equal);
    case ForeignField::Family:
      if (value.empty()) return match;
      match.field = ForeignField::Family;
      match.family = value[0] == NFPROTO_IPV6 ? base::Family::V6 : base::Family::V4;
      break;
    case ForeignField::Protocol:
      if (value.size() != 1 || !loaded.mask.empty()) return match;
      match.field = ForeignField::Protocol;
      match.protocol = value[0];
      break;
    case ForeignField::DestinationPort:
    case ForeignField::Unknown: return match;
  }
  match.negated = !equal;
  return match;
}

// Decodes a rule's expressions one by one.
class Reader {
 public:
  explicit Reader(std::optional<base::Family> family) : family_(family) {}
  void read(const nftnl_expr* expr) {
    const auto name = text(expr, NFTNL_EXPR_NAME);
    if (name == "meta") return load(NFTNL_EXPR_META_DREG, expr, metaField(expr));
    if (name == "ct") return load(NFTNL_EXPR_CT_DREG, expr, ctField(expr));
    if (name == "payload") return readPayload(expr);
    if (name == "bitwise") return readBitwise(expr);
    if (name == "cmp") return readCompare(expr);
    if (name == "immediate") return readImmediate(expr);
    if (name == "reject") return decide(ForeignVerdict::Drop);
    if (name == "match") return readXtMatch(expr);
    if (name == "target") return decide(xtVerdict(text(expr, NFTNL_EXPR_TG_NAME)));
    // These neither match packets nor decide on them.
    for (const std::string_view harmless : {"counter", "log", "notrack", "nat", "masq", "redir"})
      if (name == harmless) return;
    unknown();
  }
  ForeignRule take() { return std::move(rule_); }

 private:
  void unknown() { rule_.matches.emplace_back(); }
  void decide(ForeignVerdict verdict) {
    if (rule_.verdict == ForeignVerdict::None) rule_.verdict = verdict;
  }
  void load(std::uint16_t attribute, const nftnl_expr* expr, Loaded loaded) {
    // Without a destination register, the expression writes instead, as in `meta mark set`.
    if (nftnl_expr_is_set(expr, attribute))
      registers_[nftnl_expr_get_u32(expr, attribute)] = std::move(loaded);
  }

  static Loaded metaField(const nftnl_expr* expr) {
    switch (number(expr, NFTNL_EXPR_META_KEY)) {
      case NFT_META_IIFNAME: return {ForeignField::IifName};
      case NFT_META_OIFNAME: return {ForeignField::OifName};
      case NFT_META_NFPROTO: return {ForeignField::Family};
      case NFT_META_L4PROTO: return {ForeignField::Protocol};
      default: return {};
    }
  }
  static Loaded ctField(const nftnl_expr* expr) {
    return number(expr, NFTNL_EXPR_CT_KEY) == NFT_CT_STATE ? Loaded{ForeignField::CtState}
                                                           : Loaded{};
  }

  void readPayload(const nftnl_expr* expr) {
    Loaded loaded;
    const auto offset = number(expr, NFTNL_EXPR_PAYLOAD_OFFSET);
    const auto size = number(expr, NFTNL_EXPR_PAYLOAD_LEN);
    const auto header = number(expr, NFTNL_EXPR_PAYLOAD_BASE);
    if (header == NFT_PAYLOAD_TRANSPORT_HEADER && offset == kDestinationPort && size == 2)
      loaded = {ForeignField::DestinationPort};
    if (header == NFT_PAYLOAD_NETWORK_HEADER && size == 1 && family_ &&
        offset == (*family_ == base::Family::V4 ? kProtocolInIpv4 : kNextHeaderInIpv6))
      loaded = {ForeignField::Protocol};
    if (header == NFT_PAYLOAD_NETWORK_HEADER)
      for (const auto& place : kAddressPlaces)
        if (place.offset == offset && size <= place.size && isOfFamily(place.size))
          loaded = {place.field, place.size};
    load(NFTNL_EXPR_PAYLOAD_DREG, expr, loaded);
  }

  // Bytes 12 to 15 are an address in IPv4, but a part of an address in IPv6, so the family decides.
  [[nodiscard]] bool isOfFamily(std::uint32_t addressSize) const {
    if (family_) return (*family_ == base::Family::V4) == (addressSize == 4);
    return false;
  }

  void readBitwise(const nftnl_expr* expr) {
    const auto from = registers_.find(number(expr, NFTNL_EXPR_BITWISE_SREG));
    const auto mask = data(expr, NFTNL_EXPR_BITWISE_MASK);
    const auto flipped = data(expr, NFTNL_EXPR_BITWISE_XOR);
    Loaded loaded;
    const bool plain =
        std::all_of(flipped.begin(), flipped.end(), [](std::uint8_t b) { return b == 0; });
    if (from != registers_.end() && plain && from->second.mask.empty()) {
      loaded = from->second;
      loaded.mask.assign(mask.begin(), mask.end());
    }
    load(NFTNL_EXPR_BITWISE_DREG, expr, loaded);
  }

  void readCompare(const nftnl_expr* expr) {
    const auto op = number(expr, NFTNL_EXPR_CMP_OP);
    const auto from = registers_.find(number(expr, NFTNL_EXPR_CMP_SREG));
    if (from != registers_.end() && from->second.field == ForeignField::DestinationPort) {
      rule_.matches.push_back(portMatch(from->second, data(expr, NFTNL_EXPR_CMP_DATA), op));
      return;
    }
    if (from == registers_.end() || (op != NFT_CMP_EQ && op != NFT_CMP_NEQ)) return unknown();
    auto match = compared(from->second, data(expr, NFTNL_EXPR_CMP_DATA), op == NFT_CMP_EQ);
    if (match.field == ForeignField::Family && !match.negated) family_ = match.family;
    rule_.matches.push_back(std::move(match));
  }

  void readImmediate(const nftnl_expr* expr) {
    if (!nftnl_expr_is_set(expr, NFTNL_EXPR_IMM_VERDICT)) return;  // a value, for NAT
    switch (static_cast<int>(number(expr, NFTNL_EXPR_IMM_VERDICT))) {
      case NF_ACCEPT: return decide(ForeignVerdict::Accept);
      case NF_DROP: return decide(ForeignVerdict::Drop);
      case NFT_RETURN: return decide(ForeignVerdict::Return);
      case NFT_JUMP: decide(ForeignVerdict::Jump); break;
      case NFT_GOTO: decide(ForeignVerdict::Goto); break;
      default: return;
    }
    rule_.target = text(expr, NFTNL_EXPR_IMM_CHAIN);
  }

  void readXtMatch(const nftnl_expr* expr) {
    const auto match = xtMatch(text(expr, NFTNL_EXPR_MT_NAME), number(expr, NFTNL_EXPR_MT_REV),
                               data(expr, NFTNL_EXPR_MT_INFO));
    if (match) rule_.matches.push_back(*match);
  }

  std::optional<base::Family> family_;
  ForeignRule rule_;
  std::map<std::uint32_t, Loaded> registers_;
};

std::optional<base::Family> familyOf(const nftnl_rule* rule) {
  switch (nftnl_rule_get_u32(rule, NFTNL_RULE_FAMILY)) {
    case NFPROTO_IPV4: return base::Family::V4;
    case NFPROTO_IPV6: return base::Family::V6;
    default: return std::nullopt;
  }
}

}  // namespace

ForeignRule decodeForeignRule(const netlink::MessageView& message) {
  const auto rule = allocated<RulePtr>(nftnl_rule_alloc());
  parse(nftnl_rule_nlmsg_parse, message, rule.get());
  const auto expressions = allocated<ExprIteratorPtr>(nftnl_expr_iter_create(rule.get()));
  Reader reader(familyOf(rule.get()));
  while (const auto* expr = nftnl_expr_iter_next(expressions.get())) reader.read(expr);
  return reader.take();
}

}  // namespace kpol::nft
