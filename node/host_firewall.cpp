// SPDX-License-Identifier: Apache-2.0
#include "node/host_firewall.hpp"

#include "nft/foreign_filters.hpp"
#include "nft/ruleset.hpp"
#include "node/legacy_iptables.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

namespace kpol::node {
namespace {

using nft::ForeignFilter;
using nft::ForeignMatch;
using nft::ForeignRule;
using Verdict = ForeignRule::Verdict;

constexpr std::string_view kPodInterfaces = "kpol";  // and hex digits
constexpr int kDeepest = 16;                         // the kernel's limit of nested jumps

enum class Truth { No, Unknown, Yes };

Truth operator!(Truth truth) {
  if (truth == Truth::Unknown) return truth;
  return truth == Truth::Yes ? Truth::No : Truth::Yes;
}

// The first packet of a connection from or to a pod: the other endpoint may have any address. Or a
// VXLAN packet from another node to this one.
struct Packet {
  base::Family family;
  bool fromPod;
  const std::vector<base::Prefix>& podCidrs;
  std::optional<std::uint16_t> vxlanPort = {};  // of a VXLAN packet
  std::vector<base::Prefix> senders = {};       // its possible sources
};
constexpr std::uint8_t kUdp = 17;

// `isPod`: the packet's interface is a host interface of a pod. Otherwise it is any other
// interface.
Truth matchesInterface(const ForeignMatch& match, bool isPod) {
  const std::string_view name = match.name;
  if (match.isPrefix && name.empty()) return Truth::Yes;
  const bool ofPods = name.starts_with(kPodInterfaces);
  if (!isPod) return ofPods ? Truth::No : Truth::Unknown;
  if (match.isPrefix && kPodInterfaces.starts_with(name)) return Truth::Yes;
  return ofPods ? Truth::Unknown : Truth::No;
}

// `possible`: the prefixes that the packet's address may be in; null: it may be any address.
Truth matchesAddress(const base::Prefix& prefix, const Packet& packet,
                     const std::vector<base::Prefix>* possible) {
  if (prefix.family() != packet.family) return Truth::No;
  if (prefix.length() == 0) return Truth::Yes;
  if (possible == nullptr) return Truth::Unknown;
  // The address may be in any of the prefixes of the family, so they have to agree.
  std::optional<Truth> all;
  for (const auto& cidr : *possible) {
    if (cidr.family() != packet.family) continue;
    auto one = cidr.contains(prefix) ? Truth::Unknown : Truth::No;
    if (prefix.contains(cidr)) one = Truth::Yes;
    all = !all || *all == one ? one : Truth::Unknown;
  }
  return all.value_or(Truth::Unknown);
}

// Packets of pods may have any protocol and port.
Truth matchesTransport(const ForeignMatch& match, const Packet& packet) {
  if (!packet.vxlanPort) return Truth::Unknown;
  const bool is = match.field == ForeignMatch::Field::Protocol
                      ? match.protocol == kUdp
                      : match.firstPort <= *packet.vxlanPort && *packet.vxlanPort <= match.lastPort;
  return is ? Truth::Yes : Truth::No;
}

// VXLAN packets from other nodes arrive on any interface but loopback and those of pods.
Truth matchesInput(const ForeignMatch& match, const Packet& packet) {
  if (match.field == ForeignMatch::Field::IifName && !match.isPrefix && match.name == "lo")
    return Truth::No;
  return matchesInterface(match, packet.fromPod);
}

Truth matches(const ForeignMatch& match, const Packet& packet) {
  const auto* pods = &packet.podCidrs;
  const auto* senders = packet.vxlanPort ? &packet.senders : packet.fromPod ? pods : nullptr;
  const auto* receivers = packet.vxlanPort || packet.fromPod ? nullptr : pods;
  Truth truth = Truth::Unknown;
  switch (match.field) {
    case ForeignMatch::Field::Unknown: return Truth::Unknown;
    case ForeignMatch::Field::IifName:
      truth =
          packet.vxlanPort ? matchesInput(match, packet) : matchesInterface(match, packet.fromPod);
      break;
    case ForeignMatch::Field::OifName:
      truth = packet.vxlanPort ? Truth::No : matchesInterface(match, !packet.fromPod);
      break;
    case ForeignMatch::Field::Source: truth = matchesAddress(*match.prefix, packet, senders); break;
    case ForeignMatch::Field::Destination:
      truth = matchesAddress(*match.prefix, packet, receivers);
      break;
    case ForeignMatch::Field::Protocol:
    case ForeignMatch::Field::DestinationPort: truth = matchesTransport(match, packet); break;
    case ForeignMatch::Field::CtState:
      truth = (match.states & nft::kCtStateNew) != 0 ? Truth::Yes : Truth::No;
      break;
    case ForeignMatch::Field::Family:
      truth = match.family == packet.family ? Truth::Yes : Truth::No;
      break;
  }
  return match.negated ? !truth : truth;
}

Truth matches(const ForeignRule& rule, const Packet& packet) {
  auto all = Truth::Yes;
  for (const auto& match : rule.matches) all = std::min(all, matches(match, packet));
  return all;
}

// Evaluates one packet against a filter.
class Walk {
 public:
  Walk(const ForeignFilter& filter, const Packet& packet) : filter_(filter), packet_(packet) {}

  bool drops() {
    const auto decided = chain(filter_.chain, 0);
    return decided == Verdict::Drop || (decided == Verdict::None && filter_.policyDrops);
  }
  // False if a rule that cannot be evaluated might have accepted the packet.
  [[nodiscard]] bool certain() const { return certain_; }

 private:
  // Returns Accept, Drop, or None if the chain ended without a verdict.
  Verdict chain(const std::string& name, int depth) {
    const auto found = filter_.chains.find(name);
    if (found == filter_.chains.end() || depth > kDeepest) {
      certain_ = false;
      return Verdict::None;
    }
    for (const auto& rule : found->second) {
      const auto verdict = decide(rule, depth);
      if (verdict == Verdict::Return) return Verdict::None;
      if (verdict != Verdict::None) return verdict;
    }
    return Verdict::None;
  }

  // Like chain(), but may also return Return.
  Verdict decide(const ForeignRule& rule, int depth) {
    const auto truth = matches(rule, packet_);
    if (truth == Truth::No) return Verdict::None;
    if (truth == Truth::Unknown) {
      if (rule.verdict != Verdict::None && rule.verdict != Verdict::Drop) certain_ = false;
      return Verdict::None;
    }
    if (rule.verdict != Verdict::Jump && rule.verdict != Verdict::Goto) return rule.verdict;
    const auto verdict = chain(rule.target, depth + 1);
    return verdict == Verdict::None && rule.verdict == Verdict::Goto ? Verdict::Return : verdict;
  }

  const ForeignFilter& filter_;
  const Packet& packet_;
  bool certain_ = true;
};

// What a filter drops, by direction and family.
struct Dropped {
  bool sent = false;
  bool received = false;
  bool v4 = false;
  bool v6 = false;
  bool certain = true;
};

Dropped droppedBy(const ForeignFilter& filter, const std::vector<base::Prefix>& podCidrs) {
  Dropped dropped;
  for (const auto family : filter.families)
    for (const bool fromPod : {true, false}) {
      const Packet packet{family, fromPod, podCidrs};
      Walk walk(filter, packet);
      if (!walk.drops()) continue;
      (fromPod ? dropped.sent : dropped.received) = true;
      (family == base::Family::V4 ? dropped.v4 : dropped.v6) = true;
      dropped.certain = dropped.certain && walk.certain();
    }
  return dropped;
}

bool hasChain(const ForeignFilter& filter, std::string_view beginning) {
  return std::any_of(filter.chains.begin(), filter.chains.end(),
                     [&](const auto& chain) { return chain.first.starts_with(beginning); });
}

// The commands to insert accept rules before all others, with the program that made the filter.
std::string iptablesRemedy(const ForeignFilter& filter, std::string program) {
  if (filter.families.front() == base::Family::V6) program.replace(0, 2, "ip6");
  const std::string chain = hasChain(filter, "DOCKER-USER") ? "DOCKER-USER" : filter.chain;
  const auto insert = [&](const char* direction) {
    return program + " -I " + chain + " " + direction + " kpol+ -j ACCEPT";
  };
  return insert("-i") + "; " + insert("-o");
}

std::string remedyOf(const ForeignFilter& filter) {
  if (hasChain(filter, "ufw")) return "ufw default allow routed";
  if (filter.kind == ForeignFilter::Kind::LegacyIptables)
    return iptablesRemedy(filter, "iptables-legacy");
  if (filter.table == "inet firewalld")
    return "firewall-cmd --permanent --zone=trusted --add-interface=kpol+, and a policy that "
           "accepts from zone ANY to zone trusted, then firewall-cmd --reload; or systemctl disable "
           "--now firewalld";
  if (filter.chain == "FORWARD" && filter.table.ends_with(" filter"))
    return iptablesRemedy(filter, "iptables");
  const auto insert = [&](const char* direction) {
    return "nft insert rule " + filter.table + " " + filter.chain + " " + direction +
           "ifname 'kpol*' accept";
  };
  return insert("i") + "; " + insert("o");
}

std::string vxlanRemedyOf(const ForeignFilter& filter, std::uint16_t number) {
  const auto port = std::to_string(number);
  if (hasChain(filter, "ufw")) return "ufw allow " + port + "/udp";
  if (filter.table == "inet firewalld")
    return "firewall-cmd --permanent --add-port=" + port + "/udp, then firewall-cmd --reload";
  const std::string v6 = filter.families.front() == base::Family::V6 ? "ip6tables" : "iptables";
  const bool isLegacy = filter.kind == ForeignFilter::Kind::LegacyIptables;
  if (isLegacy || (filter.chain == "INPUT" && filter.table.ends_with(" filter")))
    return v6 + (isLegacy ? "-legacy" : "") + " -I INPUT -p udp --dport " + port + " -j ACCEPT";
  return "nft insert rule " + filter.table + " " + filter.chain + " udp dport " + port + " accept";
}

std::string whereOf(const ForeignFilter& filter) {
  const char* legacy = filter.kind == ForeignFilter::Kind::LegacyIptables ? "legacy iptables " : "";
  return "chain " + filter.chain + " of table " + legacy + filter.table +
         (filter.policyDrops ? " (policy drop)" : "");
}

std::string effectOf(const ForeignFilter& filter, const Dropped& dropped) {
  std::string effect = "drops packets that pods ";
  effect +=
      dropped.sent && dropped.received ? "send and receive" : (dropped.sent ? "send" : "receive");
  const bool some = filter.families.size() > 1 && dropped.v4 != dropped.v6;
  if (some) effect += dropped.v4 ? " over IPv4" : " over IPv6";
  return effect;
}

constexpr const char* kDropsVxlan = "drops VXLAN packets from other nodes";

std::optional<FirewallFinding> judgeInput(const ForeignFilter& filter, const VxlanPackets& vxlan) {
  if (std::ranges::count(filter.families, vxlan.family) == 0) return std::nullopt;
  static const std::vector<base::Prefix> kNone;
  Packet packet{vxlan.family, false, kNone, vxlan.port, {}};
  for (const auto& sender : vxlan.senders) packet.senders.push_back(base::Prefix::host(sender));
  Walk walk(filter, packet);
  if (!walk.drops()) return std::nullopt;
  return FirewallFinding{whereOf(filter), kDropsVxlan, walk.certain(),
                         vxlanRemedyOf(filter, vxlan.port)};
}

}  // namespace

std::string toString(const FirewallFinding& finding) {
  return finding.where + " " + finding.effect +
         (finding.effect == kDropsVxlan ? ", so their pods are unreachable"
                                        : ", even if policies allow them") +
         (finding.certain ? "" : ", unless a rule that kpol cannot evaluate accepts them") +
         "; remedy: " + finding.remedy;
}

std::vector<FirewallFinding> judge(const std::vector<ForeignFilter>& filters,
                                   const std::vector<base::Prefix>& podCidrs,
                                   const std::optional<VxlanPackets>& vxlan) {
  std::vector<FirewallFinding> findings;
  for (const auto& filter : filters) {
    if (filter.hook == ForeignFilter::Hook::Input) {
      auto finding = vxlan ? judgeInput(filter, *vxlan) : std::nullopt;
      if (finding) findings.push_back(*std::move(finding));
      continue;
    }
    const auto dropped = droppedBy(filter, podCidrs);
    if (dropped.sent || dropped.received)
      findings.push_back(
          {whereOf(filter), effectOf(filter, dropped), dropped.certain, remedyOf(filter)});
  }
  std::sort(findings.begin(), findings.end());
  return findings;
}

std::vector<ForeignFilter> readHostFirewalls() {
  auto filters = nft::readForeignFilters(nft::Ruleset().table);
  for (auto& legacy : readLegacyIptables()) filters.push_back(std::move(legacy));
  return filters;
}

}  // namespace kpol::node
