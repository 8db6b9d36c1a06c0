// SPDX-License-Identifier: Apache-2.0
#include "nft/decode.hpp"
#include "nft/handles.hpp"
#include "nft/kernel_numbers.hpp"
#include "nft/key_arithmetic.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>

namespace kpol::nft {
namespace {

constexpr std::uint32_t kDefaultLogLevel = 4;  // LOGLEVEL_WARNING (net/netfilter/nft_log.c)

std::optional<Key> bytesOf(const nftnl_expr* expr, std::uint16_t attribute) {
  std::uint32_t length = 0;
  const auto* bytes = static_cast<const std::uint8_t*>(nftnl_expr_get(expr, attribute, &length));
  if (bytes == nullptr || length > Key::kCapacity) return std::nullopt;
  return Key(std::span(bytes, length));
}

// The expression as `nft --debug=netlink` prints it.
std::string textOf(const nftnl_expr* expr) {
  std::array<char, 1024> details{};
  nftnl_expr_snprintf(details.data(), details.size(), expr, NFTNL_OUTPUT_DEFAULT, 0);
  return std::string(nftnl_expr_get_str(expr, NFTNL_EXPR_NAME)) + " " + details.data();
}

Key zeroExtended(const Key& key, std::size_t size) {
  std::vector<std::uint8_t> bytes(key.bytes().begin(), key.bytes().end());
  bytes.resize(size);
  return Key(bytes);
}

bool isZero(const Key& key) {
  return std::ranges::all_of(key.bytes(), [](std::uint8_t byte) { return byte == 0; });
}

// A value with bits outside the mask never equals a masked one.
bool isWithin(const Key& value, const Key& mask) {
  return std::ranges::equal(value.bytes(), mask.bytes(), [](std::uint8_t byte, std::uint8_t bits) {
    return (byte & ~bits) == 0;
  });
}

// Decodes expressions into the statements that RuleEncoder encodes, by tracking the registers: it
// collects loads until an expression uses them.
class RuleDecoder {
 public:
  void read(const nftnl_expr* expr) {
    if (understands(expr)) return;
    forgetRegisters();
    statements_.emplace_back(UnknownStatement{textOf(expr)});
  }

  std::vector<Statement> finish() {
    expectNothingLoaded();
    return std::move(statements_);
  }

 private:
  struct Translation {  // a map lookup into the first register
    std::vector<Field> key;
    std::string map;
  };
  using Reader = bool (RuleDecoder::*)(const nftnl_expr*);

  bool understands(const nftnl_expr* expr) {
    struct Row {
      std::string_view name;
      Reader reader;
    };
    static constexpr std::array kReaders{
        Row{"meta", &RuleDecoder::readMeta},       Row{"ct", &RuleDecoder::readCt},
        Row{"payload", &RuleDecoder::readPayload}, Row{"bitwise", &RuleDecoder::readBitwise},
        Row{"cmp", &RuleDecoder::readCmp},         Row{"range", &RuleDecoder::readRange},
        Row{"lookup", &RuleDecoder::readLookup},   Row{"immediate", &RuleDecoder::readImmediate},
        Row{"objref", &RuleDecoder::readObjref},   Row{"counter", &RuleDecoder::readCounter},
        Row{"log", &RuleDecoder::readLog},         Row{"fib", &RuleDecoder::readFib},
        Row{"nat", &RuleDecoder::readNat},         Row{"masq", &RuleDecoder::readMasq},
    };
    const std::string_view name = nftnl_expr_get_str(expr, NFTNL_EXPR_NAME);
    const auto* row = std::ranges::find(kReaders, name, &Row::name);
    return row != kReaders.end() && (this->*row->reader)(expr);
  }

  // ---- loads

  bool readMeta(const nftnl_expr* expr) {
    if (nftnl_expr_is_set(expr, NFTNL_EXPR_META_SREG)) return false;
    return load({FieldLoad::From::Meta, nftnl_expr_get_u32(expr, NFTNL_EXPR_META_KEY), 0, {}},
                nftnl_expr_get_u32(expr, NFTNL_EXPR_META_DREG));
  }

  bool readCt(const nftnl_expr* expr) {
    if (nftnl_expr_is_set(expr, NFTNL_EXPR_CT_DIR)) return false;
    const std::uint32_t key = nftnl_expr_get_u32(expr, NFTNL_EXPR_CT_KEY);
    if (!nftnl_expr_is_set(expr, NFTNL_EXPR_CT_SREG))
      return load({FieldLoad::From::Ct, key, 0, {}}, nftnl_expr_get_u32(expr, NFTNL_EXPR_CT_DREG));
    const auto bit = immediate_ ? onlyBitOf(*immediate_) : std::nullopt;
    immediate_.reset();
    return key == NFT_CT_LABELS && bit && state(SetCtLabel{*bit});
  }

  bool readFib(const nftnl_expr* expr) {
    const std::uint32_t flags = nftnl_expr_get_u32(expr, NFTNL_EXPR_FIB_FLAGS);
    if (flags != NFTA_FIB_F_DADDR && flags != NFTA_FIB_F_SADDR) return false;
    const auto from =
        flags == NFTA_FIB_F_SADDR ? FieldLoad::From::FibOfSaddr : FieldLoad::From::FibOfDaddr;
    return load({from, nftnl_expr_get_u32(expr, NFTNL_EXPR_FIB_RESULT), 0, {}},
                nftnl_expr_get_u32(expr, NFTNL_EXPR_FIB_DREG));
  }

  bool readPayload(const nftnl_expr* expr) {
    if (nftnl_expr_is_set(expr, NFTNL_EXPR_PAYLOAD_SREG)) return false;
    const std::uint32_t base = nftnl_expr_get_u32(expr, NFTNL_EXPR_PAYLOAD_BASE);
    if (base != NFT_PAYLOAD_NETWORK_HEADER && base != NFT_PAYLOAD_TRANSPORT_HEADER) return false;
    const auto from = base == NFT_PAYLOAD_NETWORK_HEADER ? FieldLoad::From::NetworkHeader
                                                         : FieldLoad::From::TransportHeader;
    return load({from,
                 nftnl_expr_get_u32(expr, NFTNL_EXPR_PAYLOAD_OFFSET),
                 nftnl_expr_get_u32(expr, NFTNL_EXPR_PAYLOAD_LEN),
                 {}},
                nftnl_expr_get_u32(expr, NFTNL_EXPR_PAYLOAD_DREG));
  }

  // A load must continue where the one before it ended.
  bool load(const FieldLoad& load, std::uint32_t reg) {
    const auto field = loadedField(load.from, load.at, load.length);
    if (!field || wordOf(reg) != nextWord_ || mask_ || from_) return false;
    const std::uint32_t whole = loadOf(*field).length;
    loaded_.push_back(*field);
    loadedLength_ = load.length == 0 ? whole : load.length;
    nextWord_ += registersOf(whole);
    return true;
  }

  // ---- expressions that use loaded fields

  bool readBitwise(const nftnl_expr* expr) {
    const auto mask = bytesOf(expr, NFTNL_EXPR_BITWISE_MASK);
    const auto flip = bytesOf(expr, NFTNL_EXPR_BITWISE_XOR);
    if (loaded_.size() != 1 || mask_ || from_ || !mask || !flip || !isZero(*flip)) return false;
    if (!usesFirstRegister(expr, NFTNL_EXPR_BITWISE_SREG) ||
        !usesFirstRegister(expr, NFTNL_EXPR_BITWISE_DREG))
      return false;
    mask_ = mask;
    return true;
  }

  bool readCmp(const nftnl_expr* expr) {
    const auto value = bytesOf(expr, NFTNL_EXPR_CMP_DATA);
    if (loaded_.size() != 1 || !value || !usesFirstRegister(expr, NFTNL_EXPR_CMP_SREG))
      return false;
    const std::uint32_t operation = nftnl_expr_get_u32(expr, NFTNL_EXPR_CMP_OP);
    switch (operation) {
      case NFT_CMP_EQ:
      case NFT_CMP_NEQ: return !from_ && compare(operation == NFT_CMP_NEQ, *value);
      case NFT_CMP_GTE:
        if (from_ || mask_ || !isWhole(*value)) return false;
        from_ = value;
        return true;
      case NFT_CMP_LTE: return from_ && isWhole(*value) && match(false, Between{*from_, *value});
      default: return false;
    }
  }

  bool compare(bool negated, const Key& value) {
    if (mask_) return compareMasked(negated, value);
    if (isWhole(value)) return match(negated, Exact{value});
    const std::size_t whole = loadOf(loaded_.front()).length;
    const std::size_t size = value.bytes().size();
    const bool trimmedLoad = loadedLength_ < whole && loadedLength_ == size;
    const bool shortName = typeOf(loaded_.front()) == DataType::IfName && size < whole;
    if (!trimmedLoad && !shortName) return false;
    const auto bits = static_cast<std::uint16_t>(size * 8);
    return match(negated, Wildcard{zeroExtended(value, whole), bits});
  }

  bool compareMasked(bool negated, const Key& value) {
    if (!isWhole(value) || !isWhole(*mask_)) return false;
    const DataType type = typeOf(loaded_.front());
    if (type == DataType::CtState || type == DataType::CtStatus)
      return negated && isZero(value) && match(false, bitsOf(*mask_));
    if (type == DataType::CtLabel) {
      const auto bit = onlyBitOf(*mask_);
      return negated && isZero(value) && bit && match(false, LabelBit{*bit});
    }
    const auto bits = maskLength(*mask_);
    return bits && isWithin(value, *mask_) && match(negated, Wildcard{value, *bits});
  }

  static AnyBit bitsOf(const Key& mask) {
    AnyBit any;
    std::memcpy(&any.bits, mask.bytes().data(), sizeof any.bits);
    return any;
  }

  bool readRange(const nftnl_expr* expr) {
    const auto first = bytesOf(expr, NFTNL_EXPR_RANGE_FROM_DATA);
    const auto last = bytesOf(expr, NFTNL_EXPR_RANGE_TO_DATA);
    if (loaded_.size() != 1 || mask_ || from_ || !first || !last || !isWhole(*first) ||
        !isWhole(*last) || !usesFirstRegister(expr, NFTNL_EXPR_RANGE_SREG))
      return false;
    const bool negated = nftnl_expr_get_u32(expr, NFTNL_EXPR_RANGE_OP) == NFT_RANGE_NEQ;
    return match(negated, Between{*first, *last});
  }

  bool readLookup(const nftnl_expr* expr) {
    const std::string set = nftnl_expr_get_str(expr, NFTNL_EXPR_LOOKUP_SET);
    // The kernel gives anonymous sets names with this prefix.
    if (loaded_.empty() || mask_ || from_ || set.starts_with("__") ||
        !usesFirstRegister(expr, NFTNL_EXPR_LOOKUP_SREG) || isTrimmed())
      return false;
    const bool negated =
        (nftnl_expr_get_u32(expr, NFTNL_EXPR_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV) != 0;
    if (!nftnl_expr_is_set(expr, NFTNL_EXPR_LOOKUP_DREG)) return match(negated, InSet{set});
    if (negated) return false;
    const std::uint32_t destination = nftnl_expr_get_u32(expr, NFTNL_EXPR_LOOKUP_DREG);
    if (wordOf(destination) == 0U) {
      translation_ = Translation{loaded_, set};
      return true;
    }
    if (destination != NFT_REG_VERDICT) return false;
    const std::vector<Field> fields = loaded_;
    return use() && state(VerdictMapLookup{fields, set});
  }

  template <class Right>
  bool match(bool negated, Right right) {
    const std::vector<Field> fields = loaded_;
    return use() && state(Match{fields, negated, std::move(right)});
  }

  // Consumes the loaded fields. Removes the matches that they depend on, which must be the last
  // statements unless an earlier field already had the dependency.
  bool use() {
    std::vector<Dependency> needed;
    for (const Field field : loaded_)
      for (const Dependency dependency : loadOf(field).needs)
        if (met_.insert(dependency).second) needed.push_back(dependency);
    forgetRegisters();
    for (auto dependency = needed.rbegin(); dependency != needed.rend(); ++dependency) {
      if (statements_.empty() || statements_.back() != Statement(dependencyMatch(*dependency)))
        return false;
      statements_.pop_back();
    }
    return true;
  }

  // ---- statements without registers

  bool readImmediate(const nftnl_expr* expr) {
    if (nftnl_expr_get_u32(expr, NFTNL_EXPR_IMM_DREG) != NFT_REG_VERDICT) {
      immediate_ = bytesOf(expr, NFTNL_EXPR_IMM_DATA);
      return immediate_.has_value();
    }
    const auto code = static_cast<std::int32_t>(nftnl_expr_get_u32(expr, NFTNL_EXPR_IMM_VERDICT));
    const auto kind = verdictKind(code);
    if (!kind) return false;
    const bool named = nftnl_expr_is_set(expr, NFTNL_EXPR_IMM_CHAIN);
    return state(Verdict{*kind, named ? nftnl_expr_get_str(expr, NFTNL_EXPR_IMM_CHAIN) : ""});
  }

  bool readObjref(const nftnl_expr* expr) {
    if (!nftnl_expr_is_set(expr, NFTNL_EXPR_OBJREF_IMM_NAME) ||
        nftnl_expr_get_u32(expr, NFTNL_EXPR_OBJREF_IMM_TYPE) != NFT_OBJECT_COUNTER)
      return false;
    return state(CounterReference{nftnl_expr_get_str(expr, NFTNL_EXPR_OBJREF_IMM_NAME)});
  }

  // The immediate value becomes the source.
  bool readSourceNat(const nftnl_expr* expr) {
    const auto address =
        immediate_ ? base::IpAddress::fromBytes(immediate_->bytes()) : std::nullopt;
    immediate_.reset();
    const std::uint32_t family = nftnl_expr_get_u32(expr, NFTNL_EXPR_NAT_FAMILY);
    if (!address || family != (address->isV4() ? NFPROTO_IPV4 : NFPROTO_IPV6) ||
        nftnl_expr_is_set(expr, NFTNL_EXPR_NAT_REG_PROTO_MIN) || hasNatRange(expr) ||
        !usesFirstRegister(expr, NFTNL_EXPR_NAT_REG_ADDR_MIN))
      return false;
    return state(SourceNat{*address});
  }

  // The result of a map lookup by the loaded fields becomes the destination.
  bool readNat(const nftnl_expr* expr) {
    if (nftnl_expr_get_u32(expr, NFTNL_EXPR_NAT_TYPE) == NFT_NAT_SNAT) return readSourceNat(expr);
    const std::uint32_t family = nftnl_expr_get_u32(expr, NFTNL_EXPR_NAT_FAMILY);
    const bool v4 = family == NFPROTO_IPV4;
    if (!translation_ || (!v4 && family != NFPROTO_IPV6) ||
        nftnl_expr_get_u32(expr, NFTNL_EXPR_NAT_TYPE) != NFT_NAT_DNAT || hasNatRange(expr) ||
        !usesFirstRegister(expr, NFTNL_EXPR_NAT_REG_ADDR_MIN) ||
        wordOf(nftnl_expr_get_u32(expr, NFTNL_EXPR_NAT_REG_PROTO_MIN)) != (v4 ? 1U : 4U))
      return false;
    const Translation translation = *translation_;
    return use() && state(DestinationNat{v4 ? base::Family::V4 : base::Family::V6, translation.key,
                                         translation.map});
  }

  // The kernel also reports the ends of the ranges. Without a range they are the same registers.
  static bool hasNatRange(const nftnl_expr* expr) {
    const auto differs = [&](std::uint16_t first, std::uint16_t last) {
      return nftnl_expr_is_set(expr, last) &&
             nftnl_expr_get_u32(expr, first) != nftnl_expr_get_u32(expr, last);
    };
    constexpr std::uint32_t kSaidByTheRegisters =
        NF_NAT_RANGE_MAP_IPS | NF_NAT_RANGE_PROTO_SPECIFIED;
    const bool flagged =
        nftnl_expr_is_set(expr, NFTNL_EXPR_NAT_FLAGS) &&
        (nftnl_expr_get_u32(expr, NFTNL_EXPR_NAT_FLAGS) & ~kSaidByTheRegisters) != 0;
    return flagged || differs(NFTNL_EXPR_NAT_REG_ADDR_MIN, NFTNL_EXPR_NAT_REG_ADDR_MAX) ||
           differs(NFTNL_EXPR_NAT_REG_PROTO_MIN, NFTNL_EXPR_NAT_REG_PROTO_MAX);
  }

  bool readMasq(const nftnl_expr* expr) {
    const bool plain = (!nftnl_expr_is_set(expr, NFTNL_EXPR_MASQ_FLAGS) ||
                        nftnl_expr_get_u32(expr, NFTNL_EXPR_MASQ_FLAGS) == 0) &&
                       !nftnl_expr_is_set(expr, NFTNL_EXPR_MASQ_REG_PROTO_MIN);
    return plain && state(Masquerade{});
  }

  bool readCounter(const nftnl_expr*) { return state(AnonymousCounter{}); }

  bool readLog(const nftnl_expr* expr) {
    const auto number = [&](std::uint16_t attribute) {
      return nftnl_expr_is_set(expr, attribute) ? nftnl_expr_get_u32(expr, attribute) : 0;
    };
    const auto half = [&](std::uint16_t attribute) {
      return nftnl_expr_is_set(expr, attribute) ? nftnl_expr_get_u16(expr, attribute) : 0;
    };
    const bool levelled = nftnl_expr_is_set(expr, NFTNL_EXPR_LOG_LEVEL) &&
                          number(NFTNL_EXPR_LOG_LEVEL) != kDefaultLogLevel;
    if (levelled || number(NFTNL_EXPR_LOG_FLAGS) != 0 || number(NFTNL_EXPR_LOG_SNAPLEN) != 0 ||
        half(NFTNL_EXPR_LOG_QTHRESHOLD) != 0)
      return false;
    Log log;
    if (nftnl_expr_is_set(expr, NFTNL_EXPR_LOG_PREFIX))
      log.prefix = nftnl_expr_get_str(expr, NFTNL_EXPR_LOG_PREFIX);
    if (nftnl_expr_is_set(expr, NFTNL_EXPR_LOG_GROUP))
      log.group = nftnl_expr_get_u16(expr, NFTNL_EXPR_LOG_GROUP);
    return state(std::move(log));
  }

  // ---- state

  template <class T>
  bool state(T statement) {
    expectNothingLoaded();
    statements_.emplace_back(std::move(statement));
    return true;
  }

  void expectNothingLoaded() {
    const bool idle = loaded_.empty() && !immediate_;
    forgetRegisters();
    if (!idle) statements_.emplace_back(UnknownStatement{"a value that no statement uses"});
  }

  void forgetRegisters() {
    loaded_.clear();
    nextWord_ = 0;
    loadedLength_ = 0;
    mask_.reset();
    from_.reset();
    immediate_.reset();
    translation_.reset();
  }

  bool isWhole(const Key& value) const {
    return value.bytes().size() == loadOf(loaded_.front()).length && !isTrimmed();
  }

  bool isTrimmed() const { return loadedLength_ != loadOf(loaded_.back()).length; }

  static bool usesFirstRegister(const nftnl_expr* expr, std::uint16_t attribute) {
    return wordOf(nftnl_expr_get_u32(expr, attribute)) == 0U;
  }

  std::vector<Statement> statements_;
  std::set<Dependency> met_;
  std::vector<Field> loaded_;
  std::uint32_t nextWord_ = 0;
  std::uint32_t loadedLength_ = 0;  // bytes of the last load
  std::optional<Key> mask_;
  std::optional<Key> from_;
  std::optional<Key> immediate_;
  std::optional<Translation> translation_;
};

std::string commentOf(const nftnl_rule* rule) {
  std::uint32_t length = 0;
  const void* bytes = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &length);
  if (bytes == nullptr) return {};
  return userdataText({static_cast<const std::uint8_t*>(bytes), length}, NFTNL_UDATA_RULE_COMMENT);
}

}  // namespace

RuleOfChain decodeRule(const netlink::MessageView& message) {
  RuleOfChain decoded;
  decoded.chain = textAttribute(message, NFTA_RULE_CHAIN);
  const auto parsed = allocated<RulePtr>(nftnl_rule_alloc());
  // libnftnl rejects a rule with an expression that it does not know.
  if (nftnl_rule_nlmsg_parse(headerOf(message), parsed.get()) != 0) {
    decoded.rule.statements.emplace_back(UnknownStatement{"an expression unknown to libnftnl"});
    return decoded;
  }
  decoded.rule.comment = commentOf(parsed.get());
  RuleDecoder decoder;
  const auto iterator = allocated<ExprIteratorPtr>(nftnl_expr_iter_create(parsed.get()));
  while (const nftnl_expr* expr = nftnl_expr_iter_next(iterator.get())) decoder.read(expr);
  decoded.rule.statements = decoder.finish();
  return decoded;
}

}  // namespace kpol::nft
