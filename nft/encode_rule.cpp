// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"
#include "nft/encode.hpp"
#include "nft/kernel_numbers.hpp"
#include "nft/key_arithmetic.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include <array>
#include <set>

namespace kpol::nft {
namespace {

constexpr std::uint32_t kFirstRegister = NFT_REG_1;

template <class Bytes>
void setBytes(nftnl_expr* expr, std::uint16_t attribute, const Bytes& bytes) {
  check(nftnl_expr_set(expr, attribute, bytes.data(), static_cast<std::uint32_t>(bytes.size())));
}

void setText(nftnl_expr* expr, std::uint16_t attribute, const std::string& text) {
  check(nftnl_expr_set_str(expr, attribute, text.c_str()));
}

// Encodes a rule's statements as the expressions that nft generates (`nft --debug=netlink`), so
// that nft lists the same statements.
class RuleEncoder {
 public:
  explicit RuleEncoder(nftnl_rule* rule) : rule_(rule) {}

  void operator()(const Match& match) {
    base::expects(!match.left.empty(), "a match has a field");
    std::visit([&](const auto& right) { put(match, right); }, match.right);
  }

  void operator()(const VerdictMapLookup& lookup) {
    nftnl_expr* expr = addLookup(lookup.key, lookup.map);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
  }

  // The lookup stores the address in the first register and the port in the next word.
  void operator()(const DestinationNat& nat) {
    nftnl_expr* lookup = addLookup(nat.key, nat.map);
    nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_DREG, kFirstRegister);
    const bool v4 = nat.family == base::Family::V4;
    nftnl_expr* expr = add("nat");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_FAMILY, v4 ? NFPROTO_IPV4 : NFPROTO_IPV6);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_REG_ADDR_MIN, kFirstRegister);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_REG_PROTO_MIN, registerAt(v4 ? 1 : 4));
  }

  void operator()(const SourceNat& nat) {
    nftnl_expr* address = add("immediate");
    nftnl_expr_set_u32(address, NFTNL_EXPR_IMM_DREG, kFirstRegister);
    setBytes(address, NFTNL_EXPR_IMM_DATA, nat.address.bytes());
    nftnl_expr* expr = add("nat");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_TYPE, NFT_NAT_SNAT);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_FAMILY,
                       nat.address.isV4() ? NFPROTO_IPV4 : NFPROTO_IPV6);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_NAT_REG_ADDR_MIN, kFirstRegister);
  }

  void operator()(const Masquerade&) { add("masq"); }

  void operator()(const Verdict& verdict) {
    nftnl_expr* expr = add("immediate");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_IMM_VERDICT,
                       static_cast<std::uint32_t>(verdictNumber(verdict.kind)));
    if (!verdict.chain.empty()) setText(expr, NFTNL_EXPR_IMM_CHAIN, verdict.chain);
  }

  void operator()(const CounterReference& reference) {
    nftnl_expr* expr = add("objref");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_OBJREF_IMM_TYPE, NFT_OBJECT_COUNTER);
    setText(expr, NFTNL_EXPR_OBJREF_IMM_NAME, reference.counter);
  }

  void operator()(const AnonymousCounter&) { add("counter"); }

  void operator()(const SetCtLabel& label) {
    nftnl_expr* value = add("immediate");
    nftnl_expr_set_u32(value, NFTNL_EXPR_IMM_DREG, kFirstRegister);
    setBytes(value, NFTNL_EXPR_IMM_DATA, labelWithBit(label.bit).bytes());
    nftnl_expr* expr = add("ct");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, NFT_CT_LABELS);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_SREG, kFirstRegister);
  }

  void operator()(const Log& log) {
    nftnl_expr* expr = add("log");
    if (!log.prefix.empty()) setText(expr, NFTNL_EXPR_LOG_PREFIX, log.prefix);
    if (log.group) nftnl_expr_set_u16(expr, NFTNL_EXPR_LOG_GROUP, *log.group);
  }

  void operator()(const UnknownStatement&) {
    base::expects(false, "an added rule has no unknown statement");
  }

 private:
  // The rule owns the returned expression.
  nftnl_expr* add(const char* name) {
    nftnl_expr* expr = allocated<ExprPtr>(nftnl_expr_alloc(name)).release();
    nftnl_rule_add_expr(rule_, expr);
    return expr;
  }

  void put(const Match& match, const Exact& exact) {
    load(match.left);
    compare(match.negated ? NFT_CMP_NEQ : NFT_CMP_EQ, exact.value.bytes());
  }

  // If the prefix ends at a byte, only its bytes are loaded (header fields) or compared (interface
  // names). nft does the same; it is cheaper than a mask.
  void put(const Match& match, const Wildcard& wildcard) {
    const auto operation = match.negated ? NFT_CMP_NEQ : NFT_CMP_EQ;
    const std::size_t size = wildcard.value.bytes().size();
    const Key value = masked(wildcard.value, wildcard.bits);
    if (wildcard.bits % 8 != 0 || wildcard.bits == 0) {
      load(match.left);
      mask(maskOf(wildcard.bits, size));
      compare(operation, value.bytes());
      return;
    }
    require(match.left);
    loadPart(match.left.front(), 0, wildcard.bits / 8U);
    compare(operation, value.bytes().first(wildcard.bits / 8U));
  }

  void put(const Match& match, const Between& between) {
    load(match.left);
    if (!match.negated) {
      compare(NFT_CMP_GTE, between.first.bytes());
      compare(NFT_CMP_LTE, between.last.bytes());
      return;
    }
    nftnl_expr* expr = add("range");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_RANGE_SREG, kFirstRegister);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_RANGE_OP, NFT_RANGE_NEQ);
    setBytes(expr, NFTNL_EXPR_RANGE_FROM_DATA, between.first.bytes());
    setBytes(expr, NFTNL_EXPR_RANGE_TO_DATA, between.last.bytes());
  }

  void put(const Match& match, const AnyBit& any) {
    load(match.left);
    std::array<std::uint8_t, sizeof any.bits> bits;
    std::memcpy(bits.data(), &any.bits, bits.size());
    anyOf(Key(bits));
  }

  void put(const Match& match, const LabelBit& label) {
    load(match.left);
    anyOf(labelWithBit(label.bit));
  }

  void put(const Match& match, const InSet& in) {
    nftnl_expr* expr = addLookup(match.left, in.set);
    if (match.negated) nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
  }

  nftnl_expr* addLookup(const std::vector<Field>& key, const std::string& set) {
    load(key);
    nftnl_expr* expr = add("lookup");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_LOOKUP_SREG, kFirstRegister);
    setText(expr, NFTNL_EXPR_LOOKUP_SET, set);
    return expr;
  }

  void require(const std::vector<Field>& fields) {
    for (const Field field : fields)
      for (const Dependency dependency : loadOf(field).needs)
        if (met_.insert(dependency).second) (*this)(dependencyMatch(dependency));
  }

  // Loads the fields one after the other, each at the start of a 4-byte word.
  void load(const std::vector<Field>& fields) {
    require(fields);
    std::uint32_t word = 0;
    for (const Field field : fields) {
      loadPart(field, word, loadOf(field).length);
      word += registersOf(loadOf(field).length);
    }
  }

  void loadPart(Field field, std::uint32_t word, std::uint32_t length) {
    const FieldLoad& load = loadOf(field);
    const std::uint32_t reg = registerAt(word);
    switch (load.from) {
      case FieldLoad::From::Meta: {
        nftnl_expr* expr = add("meta");
        nftnl_expr_set_u32(expr, NFTNL_EXPR_META_KEY, load.at);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_META_DREG, reg);
        return;
      }
      case FieldLoad::From::Ct: {
        nftnl_expr* expr = add("ct");
        nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_KEY, load.at);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_CT_DREG, reg);
        return;
      }
      case FieldLoad::From::FibOfDaddr:
      case FieldLoad::From::FibOfSaddr: {
        const bool source = load.from == FieldLoad::From::FibOfSaddr;
        nftnl_expr* expr = add("fib");
        nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_RESULT, load.at);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_FLAGS,
                           source ? NFTA_FIB_F_SADDR : NFTA_FIB_F_DADDR);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_FIB_DREG, reg);
        return;
      }
      case FieldLoad::From::NetworkHeader:
      case FieldLoad::From::TransportHeader: {
        const bool network = load.from == FieldLoad::From::NetworkHeader;
        nftnl_expr* expr = add("payload");
        nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_BASE,
                           network ? NFT_PAYLOAD_NETWORK_HEADER : NFT_PAYLOAD_TRANSPORT_HEADER);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET, load.at);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_LEN, length);
        nftnl_expr_set_u32(expr, NFTNL_EXPR_PAYLOAD_DREG, reg);
        return;
      }
    }
  }

  void compare(std::uint32_t operation, std::span<const std::uint8_t> bytes) {
    nftnl_expr* expr = add("cmp");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_SREG, kFirstRegister);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_CMP_OP, operation);
    setBytes(expr, NFTNL_EXPR_CMP_DATA, bytes);
  }

  void mask(const Key& bits) {
    const auto length = static_cast<std::uint32_t>(bits.bytes().size());
    nftnl_expr* expr = add("bitwise");
    nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_SREG, kFirstRegister);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_DREG, kFirstRegister);
    nftnl_expr_set_u32(expr, NFTNL_EXPR_BITWISE_LEN, length);
    setBytes(expr, NFTNL_EXPR_BITWISE_MASK, bits.bytes());
    setBytes(expr, NFTNL_EXPR_BITWISE_XOR, maskOf(0, length).bytes());
  }

  void anyOf(const Key& bits) {
    mask(bits);
    compare(NFT_CMP_NEQ, maskOf(0, bits.bytes().size()).bytes());
  }

  nftnl_rule* rule_;
  std::set<Dependency> met_;
};

}  // namespace

RulePtr encodeRule(const std::string& table, const std::string& chain, const Rule& rule) {
  auto encoded = allocated<RulePtr>(nftnl_rule_alloc());
  check(nftnl_rule_set_str(encoded.get(), NFTNL_RULE_TABLE, table.c_str()));
  check(nftnl_rule_set_str(encoded.get(), NFTNL_RULE_CHAIN, chain.c_str()));
  RuleEncoder encoder(encoded.get());
  for (const Statement& statement : rule.statements) std::visit(encoder, statement);
  if (!rule.comment.empty()) {
    const auto userdata = allocated<UserdataPtr>(nftnl_udata_buf_alloc(256));
    base::expects(
        nftnl_udata_put_strz(userdata.get(), NFTNL_UDATA_RULE_COMMENT, rule.comment.c_str()) != 0,
        "a rule's comment has at most 127 bytes");
    check(nftnl_rule_set_data(encoded.get(), NFTNL_RULE_USERDATA,
                              nftnl_udata_buf_data(userdata.get()),
                              nftnl_udata_buf_len(userdata.get())));
  }
  return encoded;
}

// A statement loads at most 12 words (a key has 48 bytes) after at most 3 dependencies, and
// contains at most one object name of 255 bytes. No expression takes more than 120 bytes besides
// the name.
std::size_t roomFor(const Rule& rule) {
  return 2048 * (rule.statements.size() + 1);
}

}  // namespace kpol::nft
