// SPDX-License-Identifier: Apache-2.0
#include "nft/names.hpp"

#include "base/error.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>

namespace kpol::nft {

namespace {

struct NumberName {
  std::uint8_t number;
  std::string_view name;
};

// nft calls getprotobynumber(3). This is a copy of /etc/protocols in Debian's netbase (6.4), with
// the first name of each number, so that the text does not depend on the machine.
constexpr std::array kProtocols{
    NumberName{0, "ip"},
    NumberName{1, "icmp"},
    NumberName{2, "igmp"},
    NumberName{3, "ggp"},
    NumberName{4, "ipencap"},
    NumberName{5, "st"},
    NumberName{6, "tcp"},
    NumberName{8, "egp"},
    NumberName{9, "igp"},
    NumberName{12, "pup"},
    NumberName{17, "udp"},
    NumberName{20, "hmp"},
    NumberName{22, "xns-idp"},
    NumberName{27, "rdp"},
    NumberName{29, "iso-tp4"},
    NumberName{33, "dccp"},
    NumberName{36, "xtp"},
    NumberName{37, "ddp"},
    NumberName{38, "idpr-cmtp"},
    NumberName{41, "ipv6"},
    NumberName{43, "ipv6-route"},
    NumberName{44, "ipv6-frag"},
    NumberName{45, "idrp"},
    NumberName{46, "rsvp"},
    NumberName{47, "gre"},
    NumberName{50, "esp"},
    NumberName{51, "ah"},
    NumberName{57, "skip"},
    NumberName{58, "ipv6-icmp"},
    NumberName{59, "ipv6-nonxt"},
    NumberName{60, "ipv6-opts"},
    NumberName{73, "rspf"},
    NumberName{81, "vmtp"},
    NumberName{88, "eigrp"},
    NumberName{89, "ospf"},
    NumberName{93, "ax.25"},
    NumberName{94, "ipip"},
    NumberName{97, "etherip"},
    NumberName{98, "encap"},
    NumberName{103, "pim"},
    NumberName{108, "ipcomp"},
    NumberName{112, "vrrp"},
    NumberName{115, "l2tp"},
    NumberName{124, "isis"},
    NumberName{132, "sctp"},
    NumberName{133, "fc"},
    NumberName{135, "mobility-header"},
    NumberName{136, "udplite"},
    NumberName{137, "mpls-in-ip"},
    NumberName{138, "manet"},
    NumberName{139, "hip"},
    NumberName{140, "shim6"},
    NumberName{141, "wesp"},
    NumberName{142, "rohc"},
    NumberName{143, "ethernet"},
};

// nftables src/proto.c icmp6_type_tbl.
constexpr std::array kIcmpv6Types{
    NumberName{1, "destination-unreachable"}, NumberName{2, "packet-too-big"},
    NumberName{3, "time-exceeded"},           NumberName{4, "parameter-problem"},
    NumberName{128, "echo-request"},          NumberName{129, "echo-reply"},
    NumberName{130, "mld-listener-query"},    NumberName{131, "mld-listener-report"},
    NumberName{132, "mld-listener-done"},     NumberName{133, "nd-router-solicit"},
    NumberName{134, "nd-router-advert"},      NumberName{135, "nd-neighbor-solicit"},
    NumberName{136, "nd-neighbor-advert"},    NumberName{137, "nd-redirect"},
    NumberName{138, "router-renumbering"},    NumberName{141, "ind-neighbor-solicit"},
    NumberName{142, "ind-neighbor-advert"},   NumberName{143, "mld2-listener-report"},
};

// NFPROTO_IPV4, NFPROTO_IPV6.
constexpr std::array kFamilies{NumberName{2, "ipv4"}, NumberName{10, "ipv6"}};

constexpr std::array kPortHeaders{
    NumberName{6, "tcp"},    NumberName{17, "udp"},      NumberName{33, "dccp"},
    NumberName{132, "sctp"}, NumberName{136, "udplite"},
};

template <class Table>
std::optional<std::string_view> find(const Table& table, std::uint8_t number) {
  const auto row = std::find_if(table.begin(), table.end(),
                                [&](const NumberName& known) { return known.number == number; });
  if (row == table.end()) return {};
  return row->name;
}

struct StateName {
  std::uint32_t bit;
  std::string_view name;
};
constexpr std::array kCtStates{
    StateName{ct_state::kInvalid, "invalid"},     StateName{ct_state::kEstablished, "established"},
    StateName{ct_state::kRelated, "related"},     StateName{ct_state::kNew, "new"},
    StateName{ct_state::kUntracked, "untracked"},
};

// nftables src/ct.c ct_status_tbl.
constexpr std::array kCtStatuses{
    StateName{1, "expected"},
    StateName{ct_status::kSeenReply, "seen-reply"},
    StateName{4, "assured"},
    StateName{8, "confirmed"},
    StateName{ct_status::kSourceNat, "snat"},
    StateName{ct_status::kDestinationNat, "dnat"},
    StateName{512, "dying"},
};

// nftables src/fib.c addrtype_tbl.
constexpr std::array kFibTypes{
    NumberName{0, "unspec"},
    NumberName{fib_type::kUnicast, "unicast"},
    NumberName{fib_type::kLocal, "local"},
    NumberName{3, "broadcast"},
    NumberName{4, "anycast"},
    NumberName{5, "multicast"},
    NumberName{6, "blackhole"},
    NumberName{7, "unreachable"},
    NumberName{8, "prohibit"},
};

template <class Table>
std::string bitsText(const Table& table, std::uint32_t bits, std::string_view separator) {
  if (bits == 0) return hexText(0, 1);
  std::string text;
  for (; bits != 0; bits &= bits - 1) {
    const std::uint32_t bit = bits & (0U - bits);
    const auto row = std::find_if(table.begin(), table.end(),
                                  [&](const StateName& known) { return known.bit == bit; });
    if (!text.empty()) text += separator;
    text += row == table.end() ? hexText(bit, 1) : std::string(row->name);
  }
  return text;
}

// In the order of Verdict::Kind, BaseChain::Type and BaseChain::Hook.
constexpr std::array<std::string_view, 6> kVerdicts{"accept", "drop", "continue",
                                                    "return", "jump", "goto"};
constexpr std::array<std::string_view, 3> kChainTypes{"filter", "nat", "route"};
constexpr std::array<std::string_view, 5> kHooks{"prerouting", "input", "forward", "output",
                                                 "postrouting"};

template <std::size_t N, class Enum>
std::string_view word(const std::array<std::string_view, N>& words, Enum value) {
  const auto index = static_cast<std::size_t>(value);
  base::expects(index < N, "enumerator is known");
  return words[index];
}

struct PriorityName {
  std::string_view name;
  std::int64_t value;
  std::optional<BaseChain::Hook> only;
};

// nftables src/rule.c std_prios, for inet. Two of the names are valid for one hook only. nft prints
// a name, with an offset, for priorities at most kNearby away from its value.
constexpr std::int64_t kNearby = 10;
constexpr std::array kPriorities{
    PriorityName{"raw", -300, {}},
    PriorityName{"mangle", -150, {}},
    PriorityName{"dstnat", -100, BaseChain::Hook::Prerouting},
    PriorityName{"filter", 0, {}},
    PriorityName{"security", 50, {}},
    PriorityName{"srcnat", 100, BaseChain::Hook::Postrouting},
};

}  // namespace

std::optional<std::string_view> protocolName(std::uint8_t number) {
  return find(kProtocols, number);
}

std::optional<std::string_view> icmpv6TypeName(std::uint8_t number) {
  return find(kIcmpv6Types, number);
}

std::optional<std::string_view> familyName(std::uint8_t number) {
  return find(kFamilies, number);
}

std::optional<std::string_view> portHeaderName(std::uint8_t protocol) {
  return find(kPortHeaders, protocol);
}

std::string hexText(std::uint32_t value, int digits) {
  std::array<char, 11> text{};
  std::snprintf(text.data(), text.size(), "0x%0*x", digits, value);
  return text.data();
}

std::string ctStateText(std::uint32_t bits, std::string_view separator) {
  return bitsText(kCtStates, bits, separator);
}

std::string ctStatusText(std::uint32_t bits, std::string_view separator) {
  return bitsText(kCtStatuses, bits, separator);
}

std::string fibTypeText(std::uint32_t type) {
  const auto name = type < 256 ? find(kFibTypes, static_cast<std::uint8_t>(type)) : std::nullopt;
  return name ? std::string(*name) : std::to_string(type);
}

std::string_view verdictName(Verdict::Kind kind) {
  return word(kVerdicts, kind);
}

std::string_view baseChainTypeName(BaseChain::Type type) {
  return word(kChainTypes, type);
}

std::string_view hookName(BaseChain::Hook hook) {
  return word(kHooks, hook);
}

std::string priorityText(const BaseChain& base) {
  const auto near = std::find_if(kPriorities.begin(), kPriorities.end(), [&](const auto& known) {
    return (!known.only || known.only == base.hook) &&
           std::abs(base.priority - known.value) <= kNearby;
  });
  if (near == kPriorities.end()) return std::to_string(base.priority);
  const std::int64_t offset = base.priority - near->value;
  std::string text(near->name);
  if (offset != 0) text += (offset < 0 ? " - " : " + ") + std::to_string(std::abs(offset));
  return text;
}

}  // namespace kpol::nft
