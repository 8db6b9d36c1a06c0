// SPDX-License-Identifier: Apache-2.0
#include "nft/names.hpp"
#include "nft/print.hpp"
#include "nft/print_block.hpp"
#include "nft/print_data.hpp"
#include "nft/shape.hpp"
#include "nft/visit.hpp"

#include <optional>

namespace kpol::nft {

namespace {

constexpr std::uint8_t kIcmp = 1;
constexpr std::uint8_t kIcmpv6 = 58;
constexpr std::uint8_t kNfProtoIpv4 = 2;
constexpr std::uint8_t kNfProtoIpv6 = 10;

// Builds the text of one rule, statement by statement. nft omits a match of the family or protocol
// that a later match implies (src/payload.c payload_dependency_kill). It names transport fields
// after the protocol matched before (src/netlink_delinearize.c): `meta l4proto tcp th dport 80` is
// listed as `tcp dport 80`. The protocol is remembered until the end of the rule. A match can be
// omitted only until the next statement that is not a match.
class RuleText {
 public:
  void operator()(const Match& match) {
    const bool one = match.left.size() == 1;
    const auto* exact = std::get_if<Exact>(&match.right);
    if (!one || match.negated || exact == nullptr) {
      add(left(match.left) + right(match));
      return;
    }
    const std::uint8_t number = exact->value.bytes().front();
    const Field field = match.left.front();
    if (field == Field::L4Proto) protocolMatched(number);
    add(left(match.left) + right(match));
    if (field == Field::NfProto) family_ = Shown{pieces_.size() - 1, number};
    if (field == Field::L4Proto) protocol_ = Shown{pieces_.size() - 1, number};
  }
  void operator()(const VerdictMapLookup& lookup) {
    addStatement(left(lookup.key) + " vmap @" + lookup.map);
  }
  // Like a match, the key implies a family and a protocol, so earlier matches of them are omitted.
  void operator()(const DestinationNat& nat) {
    const std::string family = nat.family == base::Family::V4 ? "ip" : "ip6";
    addStatement("dnat " + family + " to " + left(nat.key) + " map @" + nat.map);
  }
  void operator()(const SourceNat& nat) {
    const std::string family = nat.address.isV4() ? "ip" : "ip6";
    addStatement("snat " + family + " to " + toString(nat.address));
  }
  void operator()(const Masquerade&) { addStatement("masquerade"); }
  void operator()(const Verdict& verdict) { addStatement(print(verdict)); }
  void operator()(const CounterReference& reference) {
    addStatement("counter name \"" + reference.counter + '"');
  }
  void operator()(const AnonymousCounter&) { addStatement("counter packets 0 bytes 0"); }
  void operator()(const SetCtLabel& label) {
    addStatement("ct label set " + std::to_string(label.bit));
  }
  void operator()(const Log& log) {
    std::string text = "log";
    if (!log.prefix.empty()) text += " prefix \"" + log.prefix + '"';
    if (log.group) text += " group " + std::to_string(*log.group);
    addStatement(text);
  }
  void operator()(const UnknownStatement& unknown) { addStatement(unknown.text); }

  std::string finish(const std::string& comment) && {
    std::erase(pieces_, std::string());
    if (!comment.empty()) pieces_.push_back("comment \"" + comment + '"');
    return join(pieces_, " ");
  }

 private:
  struct Shown {
    std::size_t piece;
    std::uint8_t number;
  };

  void add(std::string piece) { pieces_.push_back(std::move(piece)); }
  void addStatement(std::string piece) {
    add(std::move(piece));
    family_.reset();
    protocol_.reset();
  }
  void leaveOut(std::optional<Shown>& shown) {
    if (shown) pieces_[shown->piece].clear();
    shown.reset();
  }

  // `meta l4proto icmp` implies IPv4, `ipv6-icmp` implies IPv6 (meta_may_dependency_kill).
  void protocolMatched(std::uint8_t protocol) {
    const bool saysFamily = family_ && ((family_->number == kNfProtoIpv4 && protocol == kIcmp) ||
                                        (family_->number == kNfProtoIpv6 && protocol == kIcmpv6));
    if (saysFamily) leaveOut(family_);
    known_ = protocol;
  }

  std::string left(const std::vector<Field>& fields) {
    std::vector<std::string> names;
    for (const Field field : fields) names.push_back(fieldText(field));
    return join(names, " . ");
  }

  std::string fieldText(Field field) {
    switch (field) {
      case Field::IpSaddr:
      case Field::IpDaddr:
      case Field::Ip6Saddr:
      case Field::Ip6Daddr: leaveOut(family_); break;
      case Field::ThSport:
      case Field::ThDport: return portText(field);
      case Field::Icmpv6Type:
        if (known_ != kIcmpv6) protocolMatched(kIcmpv6);  // nft adds it
        leaveOut(protocol_);
        break;
      default: break;
    }
    return std::string(fieldName(field));
  }

  std::string portText(Field field) {
    leaveOut(protocol_);
    std::string text(fieldName(field));
    const auto header = known_ ? portHeaderName(*known_) : std::nullopt;
    return header ? std::string(*header) + text.substr(text.find(' ')) : text;
  }

  static std::string right(const Match& match) {
    const DataType type = typeOf(match.left.front());
    const std::string relation = match.negated ? " != " : " ";
    return std::visit(
        Visit{
            [&](const Exact& exact) { return exactText(exact, match.negated, type); },
            [&](const Wildcard& wildcard) { return relation + wildcardText(wildcard, type); },
            [&](const Between& range) {
              return relation + rangeText(range.first, range.last, type);
            },
            [&](const AnyBit& any) {
              const bool status = type == DataType::CtStatus;
              return ' ' + (status ? ctStatusText(any.bits, ",") : ctStateText(any.bits, ","));
            },
            [&](const LabelBit& label) { return ' ' + std::to_string(label.bit); },
            [&](const InSet& set) { return relation + '@' + set.set; },
        },
        match.right);
  }

  static std::string exactText(const Exact& exact, bool negated, DataType type) {
    std::string text = keyText(exact.value, std::array{type});
    // An unescaped `*` at the end would be a wildcard.
    if (type == DataType::IfName && text.ends_with("*\"")) text.insert(text.size() - 2, 1, '\\');
    // For bit masks, a value without `==` means "some of these bits".
    const bool mask =
        type == DataType::CtLabel || type == DataType::CtState || type == DataType::CtStatus;
    const bool several = text.find(" | ") != std::string::npos;
    const char* relation = negated ? " != " : mask && !several ? " == " : " ";
    return relation + text;
  }

  std::vector<std::string> pieces_;    // an empty piece is omitted
  std::optional<Shown> family_;        // `meta nfproto`, while it can be omitted
  std::optional<Shown> protocol_;      // `meta l4proto`, while it can be omitted
  std::optional<std::uint8_t> known_;  // the protocol matched so far
};

}  // namespace

std::string print(const Rule& rule) {
  RuleText text;
  for (const Statement& statement : rule.statements) std::visit(text, statement);
  return std::move(text).finish(rule.comment);
}

std::string print(const Verdict& verdict) {
  std::string text(verdictName(verdict.kind));
  if (const std::string* target = targetOf(verdict)) text += ' ' + *target;
  return text;
}

}  // namespace kpol::nft
