// SPDX-License-Identifier: Apache-2.0
#include "nft/xt_match.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_state.h>
#include <linux/netfilter/xt_tcpudp.h>

#include <cstring>

namespace kpol::nft {
namespace {

// iptables and nft use the same bits for the states new, established and related (xt_conntrack.h,
// XT_CONNTRACK_STATE_BIT and nf_tables.h, NFT_CT_STATE_BIT).
static_assert(XT_CONNTRACK_STATE_BIT(IP_CT_NEW) == kCtStateNew);

ForeignMatch stateMatch(std::uint32_t states, bool negated) {
  ForeignMatch match;
  match.field = ForeignMatch::Field::CtState;
  match.states = states;
  match.negated = negated;
  return match;
}

// Revisions 2 and 3 begin with the same fields. Revision 1 has a smaller state mask at the same
// position.
ForeignMatch conntrackMatch(std::uint32_t revision, std::span<const std::uint8_t> bytes) {
  xt_conntrack_mtinfo3 wanted{};
  if (revision < 2 || revision > 3 || bytes.size() < sizeof(xt_conntrack_mtinfo2)) return {};
  std::memcpy(&wanted, bytes.data(), sizeof(xt_conntrack_mtinfo2));
  if (wanted.match_flags != XT_CONNTRACK_STATE) return {};
  return stateMatch(wanted.state_mask, (wanted.invert_flags & XT_CONNTRACK_STATE) != 0);
}

ForeignMatch oldStateMatch(std::span<const std::uint8_t> bytes) {
  xt_state_info wanted{};
  if (bytes.size() < sizeof wanted) return {};
  std::memcpy(&wanted, bytes.data(), sizeof wanted);
  return stateMatch(wanted.statemask, false);
}

// The protocol is a match of its own.
ForeignMatch udpMatch(std::span<const std::uint8_t> bytes) {
  xt_udp wanted{};
  if (bytes.size() < sizeof wanted) return {};
  std::memcpy(&wanted, bytes.data(), sizeof wanted);
  if (wanted.spts[0] != 0 || wanted.spts[1] != 65535) return {};
  ForeignMatch match;
  match.field = ForeignMatch::Field::DestinationPort;
  match.firstPort = wanted.dpts[0];
  match.lastPort = wanted.dpts[1];
  match.negated = (wanted.invflags & XT_UDP_INV_DSTPT) != 0;
  return match;
}

}  // namespace

std::optional<ForeignMatch> xtMatch(std::string_view name, std::uint32_t revision,
                                    std::span<const std::uint8_t> bytes) {
  if (name == "comment") return std::nullopt;
  if (name == "conntrack") return conntrackMatch(revision, bytes);
  if (name == "state") return oldStateMatch(bytes);
  if (name == "udp") return udpMatch(bytes);
  return ForeignMatch{};
}

ForeignRule::Verdict xtVerdict(std::string_view target) {
  return target == "REJECT" ? ForeignRule::Verdict::Drop : ForeignRule::Verdict::None;
}

}  // namespace kpol::nft
