// SPDX-License-Identifier: Apache-2.0
#include "nft/decode.hpp"

#include "nft/handles.hpp"
#include "nft/kernel_numbers.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

namespace kpol::nft {

netlink::Attributes attributesOf(const netlink::MessageView& message) {
  auto rest = message.payload;
  netlink::cutHeader<nfgenmsg>(rest);
  return netlink::Attributes(rest);
}

std::string_view textAttribute(const netlink::MessageView& message, std::uint16_t type) {
  auto attributes = attributesOf(message);
  while (const auto attribute = attributes.next())
    if (attribute->type == type) return attribute->text();
  return {};
}

// A sequence of (type, length, value); type and length have one byte each (libnftnl src/udata.c).
std::string userdataText(std::span<const std::uint8_t> userdata, std::uint8_t type) {
  while (userdata.size() >= 2 && userdata.size() >= 2U + userdata[1]) {
    const auto value = userdata.subspan(2, userdata[1]);
    if (userdata[0] == type) {
      const std::string text(value.begin(), value.end());
      return text.substr(0, text.find('\0'));
    }
    userdata = userdata.subspan(2 + value.size());
  }
  return {};
}

std::string decodeCounter(const netlink::MessageView& message) {
  return std::string(textAttribute(message, NFTA_OBJ_NAME));
}

CounterValue decodeCounterValue(const netlink::MessageView& message) {
  const auto parsed = allocated<ObjectPtr>(nftnl_obj_alloc());
  parse(nftnl_obj_nlmsg_parse, message, parsed.get());
  return {decodeCounter(message), nftnl_obj_get_u64(parsed.get(), NFTNL_OBJ_CTR_PKTS),
          nftnl_obj_get_u64(parsed.get(), NFTNL_OBJ_CTR_BYTES)};
}

Chain decodeChain(const netlink::MessageView& message) {
  const auto parsed = allocated<ChainPtr>(nftnl_chain_alloc());
  parse(nftnl_chain_nlmsg_parse, message, parsed.get());
  Chain chain;
  chain.name = nftnl_chain_get_str(parsed.get(), NFTNL_CHAIN_NAME);
  if (!nftnl_chain_is_set(parsed.get(), NFTNL_CHAIN_HOOKNUM)) return chain;
  const auto type = chainType(nftnl_chain_get_str(parsed.get(), NFTNL_CHAIN_TYPE));
  const auto hook = nftnl_chain_get_u32(parsed.get(), NFTNL_CHAIN_HOOKNUM);
  if (!type || hook >= NF_INET_NUMHOOKS) return chain;
  const auto policy = nftnl_chain_get_u32(parsed.get(), NFTNL_CHAIN_POLICY);
  chain.base = BaseChain{*type, static_cast<BaseChain::Hook>(hook),
                         nftnl_chain_get_s32(parsed.get(), NFTNL_CHAIN_PRIO),
                         policy == NF_DROP ? Verdict::Kind::Drop : Verdict::Kind::Accept};
  return chain;
}

}  // namespace kpol::nft
