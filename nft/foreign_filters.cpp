// SPDX-License-Identifier: Apache-2.0
#include "nft/foreign_filters.hpp"

#include "netlink/request.hpp"
#include "netlink/socket.hpp"
#include "nft/foreign_rule.hpp"
#include "nft/handles.hpp"
#include "nft/kernel.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include <cerrno>
#include <string_view>

namespace kpol::nft {
namespace {

// Limits per filter, to keep reading cheap.
constexpr std::size_t kMostChains = 100;
constexpr std::size_t kMostRules = 2000;

struct Base {
  std::uint8_t family = 0;
  std::string table;
  ForeignFilter filter;
};

netlink::Message ask(std::uint16_t type, std::uint8_t family) {
  netlink::Message message(static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8U | type), 0);
  nfgenmsg header{};
  header.nfgen_family = family;
  header.version = NFNETLINK_V0;
  message.putHeader(header);
  return message;
}

void dump(netlink::Socket& socket, netlink::Message message, const netlink::DumpSink& sink) {
  const auto refusal = netlink::dump(socket, message, sink);
  // ENOENT: the table or chain has been deleted meanwhile.
  if (refusal && refusal->code != ENOENT)
    throw netlink::Error("dump third-party filters", refusal->code, refusal->extack);
}

const char* familyName(std::uint8_t family) {
  switch (family) {
    case NFPROTO_IPV4: return "ip";
    case NFPROTO_IPV6: return "ip6";
    default: return "inet";
  }
}

std::vector<base::Family> familiesOf(std::uint8_t family) {
  if (family == NFPROTO_IPV4) return {base::Family::V4};
  if (family == NFPROTO_IPV6) return {base::Family::V6};
  return {base::Family::V4, base::Family::V6};
}

std::string_view textOf(const nftnl_chain* chain, std::uint16_t attribute) {
  const char* value = nftnl_chain_get_str(chain, attribute);
  return value == nullptr ? std::string_view() : std::string_view(value);
}

// Returns nullopt if the chain filters neither forwarded packets nor packets to the node.
std::optional<ForeignFilter::Hook> hookOf(const nftnl_chain* chain) {
  const auto family = nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY);
  if ((family != NFPROTO_IPV4 && family != NFPROTO_IPV6 && family != NFPROTO_INET) ||
      !nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM) ||
      textOf(chain, NFTNL_CHAIN_TYPE) != "filter")
    return std::nullopt;
  switch (nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM)) {
    case NF_INET_FORWARD: return ForeignFilter::Hook::Forward;
    case NF_INET_LOCAL_IN: return ForeignFilter::Hook::Input;
    default: return std::nullopt;
  }
}

std::optional<Base> decodeBase(const netlink::MessageView& message, const std::string& own) {
  const auto chain = allocated<ChainPtr>(nftnl_chain_alloc());
  parse(nftnl_chain_nlmsg_parse, message, chain.get());
  const auto hook = hookOf(chain.get());
  if (!hook) return std::nullopt;
  Base base;
  base.filter.hook = *hook;
  base.family = static_cast<std::uint8_t>(nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_FAMILY));
  base.table = textOf(chain.get(), NFTNL_CHAIN_TABLE);
  if (base.family == NFPROTO_INET && base.table == own) return std::nullopt;
  base.filter.families = familiesOf(base.family);
  base.filter.table = std::string(familyName(base.family)) + " " + base.table;
  base.filter.chain = textOf(chain.get(), NFTNL_CHAIN_NAME);
  base.filter.policyDrops = nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_POLICY) == NF_DROP;
  return base;
}

std::vector<Base> readBases(netlink::Socket& socket, const std::string& own) {
  std::vector<Base> bases;
  dump(socket, ask(NFT_MSG_GETCHAIN, NFPROTO_UNSPEC),
       {[&] { bases.clear(); },
        [&](const netlink::MessageView& message) {
          if (auto base = decodeBase(message, own)) bases.push_back(std::move(*base));
        }});
  return bases;
}

std::vector<ForeignRule> readChain(netlink::Socket& socket, const Base& base,
                                   const std::string& chain) {
  auto message = ask(NFT_MSG_GETRULE, base.family);
  message.putText(NFTA_RULE_TABLE, base.table);
  message.putText(NFTA_RULE_CHAIN, chain);
  std::vector<ForeignRule> rules;
  dump(socket, std::move(message),
       {[&] { rules.clear(); },
        [&](const netlink::MessageView& rule) { rules.push_back(decodeForeignRule(rule)); }});
  return rules;
}

void readChains(netlink::Socket& socket, Base& base) {
  auto& chains = base.filter.chains;
  std::size_t ruleCount = 0;
  std::vector<std::string> due{base.filter.chain};
  while (!due.empty() && chains.size() < kMostChains && ruleCount < kMostRules) {
    const auto name = std::move(due.back());
    due.pop_back();
    const auto [place, isNew] = chains.try_emplace(name);
    if (!isNew) continue;
    place->second = readChain(socket, base, name);
    ruleCount += place->second.size();
    for (const auto& rule : place->second)
      if (!rule.target.empty()) due.push_back(rule.target);
  }
}

}  // namespace

std::vector<ForeignFilter> readForeignFilters(const std::string& own) {
  try {
    netlink::Socket socket(NETLINK_NETFILTER);
    std::vector<ForeignFilter> filters;
    for (auto& base : readBases(socket, own)) {
      readChains(socket, base);
      filters.push_back(std::move(base.filter));
    }
    return filters;
  } catch (const netlink::Error& error) {
    throw KernelError(error.what(), error.code());
  }
}

}  // namespace kpol::nft
