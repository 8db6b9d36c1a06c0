// SPDX-License-Identifier: Apache-2.0
#include "node/legacy_table.hpp"

#include "base/error.hpp"
#include "nft/xt_match.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <map>
#include <optional>
#include <string>

namespace kpol::node {
namespace {

using nft::ForeignMatch;
using nft::ForeignRule;
using Field = ForeignMatch::Field;
using Verdict = ForeignRule::Verdict;
using Bytes = std::span<const std::uint8_t>;

// The differences between the two programs.
struct V4Layout {
  using Entry = ipt_entry;
  static constexpr auto kFamily = base::Family::V4;
  static constexpr const char* kTitle = "ip filter";
  static const ipt_ip& header(const Entry& entry) { return entry.ip; }
  static bool isGoto(const Entry& entry) { return (entry.ip.flags & IPT_F_GOTO) != 0; }
  static bool asksMore(const Entry& entry) { return (entry.ip.flags & IPT_F_FRAG) != 0; }
};
struct V6Layout {
  using Entry = ip6t_entry;
  static constexpr auto kFamily = base::Family::V6;
  static constexpr const char* kTitle = "ip6 filter";
  static const ip6t_ip6& header(const Entry& entry) { return entry.ipv6; }
  static bool isGoto(const Entry& entry) { return (entry.ipv6.flags & IP6T_F_GOTO) != 0; }
  static bool asksMore(const Entry& entry) { return (entry.ipv6.flags & IP6T_F_TOS) != 0; }
};
// The bits of invflags are the same for both.
static_assert(XT_INV_PROTO == IPT_INV_PROTO && XT_INV_PROTO == IP6T_INV_PROTO);
static_assert(IPT_INV_VIA_IN == IP6T_INV_VIA_IN && IPT_INV_VIA_OUT == IP6T_INV_VIA_OUT &&
              IPT_INV_SRCIP == IP6T_INV_SRCIP && IPT_INV_DSTIP == IP6T_INV_DSTIP);

template <class T>
T at(Bytes bytes, std::size_t offset) {
  T value{};
  if (offset > bytes.size() || bytes.size() - offset < sizeof value)
    throw base::SystemError("read an iptables table", EBADMSG);
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

Bytes part(Bytes bytes, std::size_t offset, std::size_t size) {
  if (offset > bytes.size() || bytes.size() - offset < size)
    throw base::SystemError("read an iptables table", EBADMSG);
  return bytes.subspan(offset, size);
}

std::string textOf(const char* text, std::size_t most) {
  return {text, ::strnlen(text, most)};
}

void addInterface(Field field, const char* name, const std::uint8_t* mask, bool negated,
                  ForeignRule& rule) {
  std::size_t asked = 0;
  while (asked < IFNAMSIZ && mask[asked] == 0xff) ++asked;
  if (asked == 0) return;
  ForeignMatch match;
  match.field = field;
  match.name = textOf(name, asked);  // includes the plus sign of "kpol+"
  match.isPrefix = asked <= match.name.size();
  match.negated = negated;
  rule.matches.push_back(std::move(match));
}

void addAddress(Field field, Bytes address, Bytes mask, bool negated, ForeignRule& rule) {
  unsigned length = 0;
  for (const auto byte : mask) length += static_cast<unsigned>(std::popcount(byte));
  if (length == 0) return;
  ForeignMatch match;
  const auto ip = base::IpAddress::fromBytes(address);
  match.prefix = base::Prefix::make(*ip, length);
  // A mask with a hole is not a prefix.
  const auto full = (length + 7) / 8;
  const bool contiguous =
      std::all_of(mask.begin() + full, mask.end(), [](std::uint8_t byte) { return byte == 0; });
  match.field = contiguous ? field : Field::Unknown;
  match.negated = negated;
  rule.matches.push_back(std::move(match));
}

template <class Address>
Bytes bytesOf(const Address& address) {
  return {reinterpret_cast<const std::uint8_t*>(&address), sizeof address};
}

void addProtocol(unsigned protocol, bool negated, ForeignRule& rule) {
  if (protocol == 0) return;
  ForeignMatch match;
  match.field = Field::Protocol;
  match.protocol = static_cast<std::uint8_t>(protocol);
  match.negated = negated;
  rule.matches.push_back(std::move(match));
}

template <class V>
void addHeader(const typename V::Entry& entry, ForeignRule& rule) {
  const auto& header = V::header(entry);
  const auto inverted = [&](unsigned bit) { return (header.invflags & bit) != 0; };
  addInterface(Field::IifName, header.iniface, header.iniface_mask, inverted(IPT_INV_VIA_IN), rule);
  addInterface(Field::OifName, header.outiface, header.outiface_mask, inverted(IPT_INV_VIA_OUT),
               rule);
  addAddress(Field::Source, bytesOf(header.src), bytesOf(header.smsk), inverted(IPT_INV_SRCIP),
             rule);
  addAddress(Field::Destination, bytesOf(header.dst), bytesOf(header.dmsk), inverted(IPT_INV_DSTIP),
             rule);
  addProtocol(header.proto, inverted(XT_INV_PROTO), rule);
  if (V::asksMore(entry)) rule.matches.emplace_back();
}

void addMatches(Bytes entry, std::size_t from, std::size_t to, ForeignRule& rule) {
  while (from < to) {
    const auto head = at<xt_entry_match>(entry, from);
    const auto size = std::size_t{head.u.user.match_size};
    if (size < sizeof head) throw base::SystemError("read an iptables table", EBADMSG);
    const auto match =
        nft::xtMatch(textOf(head.u.user.name, sizeof head.u.user.name), head.u.user.revision,
                     part(entry, from, size).subspan(sizeof head));
    if (match) rule.matches.push_back(*match);
    from += size;
  }
}

// The key of a jump's target. A jump contains the offset of the chain's first rule, not its name.
std::string chainAt(std::size_t offset) {
  return "@" + std::to_string(offset);
}

template <class V>
class Reader {
 public:
  explicit Reader(const LegacyTable& table) : table_(table), bytes_(table.entries) {
    filter_.hook = table.hook;
    if (table.hook == nft::ForeignFilter::Hook::Input) filter_.chain = "INPUT";
  }

  nft::ForeignFilter read() {
    std::string chain = "?";
    for (std::size_t offset = 0; offset < bytes_.size();) {
      const auto entry = at<typename V::Entry>(bytes_, offset);
      const std::size_t next = entry.next_offset;
      if (next < sizeof entry) throw base::SystemError("read an iptables table", EBADMSG);
      const auto whole = part(bytes_, offset, next);
      if (offset == table_.begin) chain = filter_.chain;
      if (const auto name = headOf(entry, whole)) {
        // A user-defined chain begins with an entry with its name. Jumps use the offset after it.
        chain = *name;
        names_[chainAt(offset + next)] = chain;
      } else {
        addRule(chain, offset, ruleOf(entry, whole));
      }
      if (offset == table_.policy) chain = "?";
      offset += next;
    }
    nameTargets();
    return std::move(filter_);
  }

 private:
  // Returns the name if the entry is the head of a user-defined chain, else nullopt.
  std::optional<std::string> headOf(const typename V::Entry& entry, Bytes whole) {
    const auto target = at<xt_entry_target>(whole, entry.target_offset);
    if (textOf(target.u.user.name, sizeof target.u.user.name) != XT_ERROR_TARGET)
      return std::nullopt;
    const std::size_t size = target.u.user.target_size;
    if (size < sizeof target) throw base::SystemError("read an iptables table", EBADMSG);
    const auto name = part(whole, entry.target_offset, size).subspan(sizeof target);
    return textOf(reinterpret_cast<const char*>(name.data()), name.size());
  }

  ForeignRule ruleOf(const typename V::Entry& entry, Bytes whole) {
    ForeignRule rule;
    addHeader<V>(entry, rule);
    addMatches(whole, sizeof entry, entry.target_offset, rule);
    const auto target = at<xt_entry_target>(whole, entry.target_offset);
    const auto name = textOf(target.u.user.name, sizeof target.u.user.name);
    if (!name.empty()) {
      rule.verdict = nft::xtVerdict(name);
      return rule;
    }
    setVerdict(at<xt_standard_target>(whole, entry.target_offset).verdict, V::isGoto(entry), rule);
    return rule;
  }

  static void setVerdict(int verdict, bool isGoto, ForeignRule& rule) {
    if (verdict >= 0) {
      rule.verdict = isGoto ? Verdict::Goto : Verdict::Jump;
      rule.target = chainAt(static_cast<std::size_t>(verdict));
    } else if (verdict == XT_RETURN) {
      rule.verdict = Verdict::Return;
    } else if (verdict == -NF_ACCEPT - 1) {
      rule.verdict = Verdict::Accept;
    } else if (verdict == -NF_DROP - 1) {
      rule.verdict = Verdict::Drop;
    }
  }

  void addRule(const std::string& chain, std::size_t offset, ForeignRule rule) {
    // The last rule of a built-in chain is its policy.
    if (offset == table_.policy)
      filter_.policyDrops = rule.verdict == Verdict::Drop;
    else if (chain != "?")
      filter_.chains[chain].push_back(std::move(rule));
  }

  void nameTargets() {
    filter_.chains[filter_.chain];
    for (const auto& [place, name] : names_) filter_.chains[name];
    for (auto& [name, rules] : filter_.chains)
      for (auto& rule : rules)
        if (const auto found = names_.find(rule.target); found != names_.end())
          rule.target = found->second;
  }

  const LegacyTable& table_;
  Bytes bytes_;
  std::map<std::string, std::string> names_;
  nft::ForeignFilter filter_{
      nft::ForeignFilter::Kind::LegacyIptables, {V::kFamily}, V::kTitle, "FORWARD", false, {}};
};

}  // namespace

nft::ForeignFilter parseLegacyTable(const LegacyTable& table, base::Family family) {
  return family == base::Family::V4 ? Reader<V4Layout>(table).read()
                                    : Reader<V6Layout>(table).read();
}

}  // namespace kpol::node
