// SPDX-License-Identifier: Apache-2.0
// Rules of the kernel's tables, kpol's and third-party ones. libnftnl aborts on attributes that no
// kernel sends, so the bytes are not the message: they select the expressions and their contents.
// libnftnl builds the message as a kernel would.
#include "nft/decode.hpp"
#include "nft/encode.hpp"
#include "nft/foreign_rule.hpp"
#include "nft/handles.hpp"
#include "nft/print.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>
#include <vector>

namespace {

using namespace kpol::nft;
using kpol::fuzz::require;

// The bytes in turn; zeros behind their end.
class Choices {
 public:
  explicit Choices(std::span<const std::uint8_t> bytes) : rest_(bytes) {}
  [[nodiscard]] bool atEnd() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const auto value = rest_.front();
    rest_ = rest_.subspan(1);
    return value;
  }
  // Small ones mostly; a byte past these begins one of four bytes.
  std::uint32_t number() {
    const std::uint32_t first = byte();
    if (first < 0xf8) return first;
    std::uint32_t value = 0;
    for (int i = 0; i < 4; ++i) value = value << 8U | byte();
    return value;
  }
  std::vector<std::uint8_t> data(std::size_t most) {
    std::vector<std::uint8_t> bytes(1 + byte() % most);
    for (auto& value : bytes) value = byte();
    return bytes;
  }
  const char* name() {
    constexpr std::array kNames = {"a",       "eg-1",    "__map0", "conntrack",
                                   "comment", "forward", "state",  "REJECT"};
    return kNames[byte() % kNames.size()];
  }

 private:
  std::span<const std::uint8_t> rest_;
};

struct Attribute {
  enum class Type : std::uint8_t { Byte, Half, Number, Large, Verdict, Value, Blob, Name };
  std::uint16_t number;
  Type type = Type::Number;
  bool optional = false;
  bool instead = false;  // exactly one of this and the one before it
};

struct Expression {
  const char* name;
  std::vector<Attribute> attributes;
};

using Type = Attribute::Type;

// What the kernel dumps of each (net/netfilter/nft_*.c).
const std::vector<Expression>& expressions() {
  static const std::vector<Expression> all = {
      {"meta",
       {{NFTNL_EXPR_META_KEY},
        {NFTNL_EXPR_META_DREG},
        {NFTNL_EXPR_META_SREG, Type::Number, false, true}}},
      {"ct",
       {{NFTNL_EXPR_CT_KEY},
        {NFTNL_EXPR_CT_DREG},
        {NFTNL_EXPR_CT_SREG, Type::Number, false, true},
        {NFTNL_EXPR_CT_DIR, Type::Byte, true}}},
      {"payload",
       {{NFTNL_EXPR_PAYLOAD_BASE},
        {NFTNL_EXPR_PAYLOAD_OFFSET},
        {NFTNL_EXPR_PAYLOAD_LEN},
        {NFTNL_EXPR_PAYLOAD_DREG},
        {NFTNL_EXPR_PAYLOAD_SREG, Type::Number, false, true}}},
      {"bitwise",
       {{NFTNL_EXPR_BITWISE_SREG},
        {NFTNL_EXPR_BITWISE_DREG},
        {NFTNL_EXPR_BITWISE_LEN},
        {NFTNL_EXPR_BITWISE_MASK, Type::Value, true},
        {NFTNL_EXPR_BITWISE_XOR, Type::Value, true},
        {NFTNL_EXPR_BITWISE_OP, Type::Number, true}}},
      {"cmp", {{NFTNL_EXPR_CMP_SREG}, {NFTNL_EXPR_CMP_OP}, {NFTNL_EXPR_CMP_DATA, Type::Value}}},
      {"range",
       {{NFTNL_EXPR_RANGE_SREG},
        {NFTNL_EXPR_RANGE_OP},
        {NFTNL_EXPR_RANGE_FROM_DATA, Type::Value},
        {NFTNL_EXPR_RANGE_TO_DATA, Type::Value}}},
      {"lookup",
       {{NFTNL_EXPR_LOOKUP_SREG},
        {NFTNL_EXPR_LOOKUP_SET, Type::Name},
        {NFTNL_EXPR_LOOKUP_FLAGS},
        {NFTNL_EXPR_LOOKUP_DREG, Type::Number, true}}},
      {"immediate",
       {{NFTNL_EXPR_IMM_DREG},
        {NFTNL_EXPR_IMM_VERDICT, Type::Verdict},
        {NFTNL_EXPR_IMM_DATA, Type::Value, false, true}}},
      {"objref", {{NFTNL_EXPR_OBJREF_IMM_TYPE}, {NFTNL_EXPR_OBJREF_IMM_NAME, Type::Name}}},
      {"objref", {{NFTNL_EXPR_OBJREF_SET_SREG}, {NFTNL_EXPR_OBJREF_SET_NAME, Type::Name}}},
      {"counter", {{NFTNL_EXPR_CTR_PACKETS, Type::Large}, {NFTNL_EXPR_CTR_BYTES, Type::Large}}},
      {"log",
       {{NFTNL_EXPR_LOG_PREFIX, Type::Name, true},
        {NFTNL_EXPR_LOG_GROUP, Type::Half, true},
        {NFTNL_EXPR_LOG_LEVEL, Type::Number, true},
        {NFTNL_EXPR_LOG_FLAGS, Type::Number, true},
        {NFTNL_EXPR_LOG_SNAPLEN, Type::Number, true},
        {NFTNL_EXPR_LOG_QTHRESHOLD, Type::Half, true}}},
      {"fib", {{NFTNL_EXPR_FIB_FLAGS}, {NFTNL_EXPR_FIB_RESULT}, {NFTNL_EXPR_FIB_DREG}}},
      {"nat",
       {{NFTNL_EXPR_NAT_TYPE},
        {NFTNL_EXPR_NAT_FAMILY},
        {NFTNL_EXPR_NAT_REG_ADDR_MIN, Type::Number, true},
        {NFTNL_EXPR_NAT_REG_ADDR_MAX, Type::Number, true},
        {NFTNL_EXPR_NAT_REG_PROTO_MIN, Type::Number, true},
        {NFTNL_EXPR_NAT_REG_PROTO_MAX, Type::Number, true},
        {NFTNL_EXPR_NAT_FLAGS, Type::Number, true}}},
      {"masq",
       {{NFTNL_EXPR_MASQ_FLAGS, Type::Number, true},
        {NFTNL_EXPR_MASQ_REG_PROTO_MIN, Type::Number, true}}},
      {"reject", {{NFTNL_EXPR_REJECT_TYPE}, {NFTNL_EXPR_REJECT_CODE, Type::Byte}}},
      {"match",
       {{NFTNL_EXPR_MT_NAME, Type::Name}, {NFTNL_EXPR_MT_REV}, {NFTNL_EXPR_MT_INFO, Type::Blob}}},
      {"target",
       {{NFTNL_EXPR_TG_NAME, Type::Name}, {NFTNL_EXPR_TG_REV}, {NFTNL_EXPR_TG_INFO, Type::Blob}}},
      {"notrack", {}},
      {"quota", {{NFTNL_EXPR_QUOTA_BYTES, Type::Large}, {NFTNL_EXPR_QUOTA_FLAGS}}},
  };
  return all;
}

void set(nftnl_expr* expr, const Attribute& attribute, Choices& choices) {
  switch (attribute.type) {
    case Type::Byte: return nftnl_expr_set_u8(expr, attribute.number, choices.byte());
    case Type::Half:
      return nftnl_expr_set_u16(expr, attribute.number,
                                static_cast<std::uint16_t>(choices.number()));
    case Type::Number: return nftnl_expr_set_u32(expr, attribute.number, choices.number());
    case Type::Large: return nftnl_expr_set_u64(expr, attribute.number, choices.number());
    case Type::Verdict: {
      // NFT_GOTO, ..., NF_ACCEPT, ...
      const auto code = static_cast<std::int8_t>(choices.byte());
      nftnl_expr_set_u32(expr, attribute.number, static_cast<std::uint32_t>(code));
      // These, and only these, lead to a chain.
      if (code == NFT_JUMP || code == NFT_GOTO)
        nftnl_expr_set_str(expr, NFTNL_EXPR_IMM_CHAIN, choices.name());
      return;
    }
    case Type::Name: {
      nftnl_expr_set_str(expr, attribute.number, choices.name());
      return;
    }
    case Type::Value:
    case Type::Blob: {
      const auto bytes = choices.data(attribute.type == Type::Value ? 16 : 200);
      // libnftnl takes ownership of the data of an xt match.
      if (attribute.type == Type::Value) {
        nftnl_expr_set(expr, attribute.number, bytes.data(),
                       static_cast<std::uint32_t>(bytes.size()));
        return;
      }
      auto* copy = static_cast<std::uint8_t*>(std::malloc(bytes.size()));
      std::copy(bytes.begin(), bytes.end(), copy);
      nftnl_expr_set(expr, attribute.number, copy, static_cast<std::uint32_t>(bytes.size()));
      return;
    }
  }
}

ExprPtr expressionOf(Choices& choices) {
  const auto& chosen = expressions()[choices.byte() % expressions().size()];
  auto expr = allocated<ExprPtr>(nftnl_expr_alloc(chosen.name));
  const auto presence = choices.byte();
  for (std::size_t i = 0; i < chosen.attributes.size(); ++i) {
    const auto& attribute = chosen.attributes[i];
    const bool bit = (presence >> i & 1U) != 0;
    const bool hasOther = i + 1 < chosen.attributes.size() && chosen.attributes[i + 1].instead;
    if (attribute.optional && !bit) continue;
    if (hasOther && (presence >> (i + 1) & 1U) != 0) continue;
    if (attribute.instead && !bit) continue;
    set(expr.get(), attribute, choices);
  }
  return expr;
}

// Passes the message of a rule, as in a dump, to `take`.
template <class Take>
void withMessageOf(const nftnl_rule* rule, Take take) {
  std::vector<std::uint64_t> room(1U << 14U);  // aligned
  auto* header = nftnl_nlmsg_build_hdr(
      reinterpret_cast<char*>(room.data()), NFT_MSG_NEWRULE,
      static_cast<std::uint16_t>(nftnl_rule_get_u32(rule, NFTNL_RULE_FAMILY)), 0, 1);
  nftnl_rule_nlmsg_build_payload(header, const_cast<nftnl_rule*>(rule));
  kpol::netlink::Messages messages(
      std::span(reinterpret_cast<const std::uint8_t*>(header), header->nlmsg_len));
  take(messages.next().value());
}

Rule decoded(const nftnl_rule* rule) {
  Rule result;
  withMessageOf(rule, [&](const auto& message) { result = decodeRule(message).rule; });
  return result;
}

bool isKnown(const Rule& rule) {
  return std::none_of(rule.statements.begin(), rule.statements.end(), [](const auto& statement) {
    return std::holds_alternative<UnknownStatement>(statement);
  });
}

}  // namespace

KPOL_FUZZ_HARNESS(nft_rule) {
  constexpr std::array kFamilies = {NFPROTO_INET, NFPROTO_IPV4, NFPROTO_IPV6};
  Choices choices(std::span(data, size));
  const auto rule = allocated<RulePtr>(nftnl_rule_alloc());
  nftnl_rule_set_u32(rule.get(), NFTNL_RULE_FAMILY,
                     static_cast<std::uint32_t>(kFamilies[choices.byte() % kFamilies.size()]));
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, "kpol");
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, "forward");
  for (int i = 0; i < 20 && !choices.atEnd(); ++i)
    nftnl_rule_add_expr(rule.get(), expressionOf(choices).release());

  const Rule ours = decoded(rule.get());
  (void)print(ours);
  if (isKnown(ours))
    require(decoded(encodeRule("kpol", "forward", ours).get()) == ours,
            "what is understood is written so that it is read as the same");
  try {
    withMessageOf(rule.get(), [](const auto& message) { (void)decodeForeignRule(message); });
  } catch (const kpol::netlink::Error&) {
    // rejected: a valid result
  }
  return 0;
}
