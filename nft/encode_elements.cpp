// SPDX-License-Identifier: Apache-2.0
#include "nft/encode.hpp"
#include "nft/kernel_numbers.hpp"
#include "nft/key_arithmetic.hpp"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>
#include <optional>

// Elements are encoded without libnftnl, which would need one object per element: 100k for a large
// set.
namespace kpol::nft {
namespace {

// The list is one attribute with a 16-bit length. If it overflows, the kernel stores a part of the
// elements and reports success. So lists end well before.
constexpr std::size_t kMaxListBytes = 60000;
// The largest element: two keys, or a key and a chain name; twice for the end of a range.
constexpr std::size_t kMaxElementBytes = 640;
constexpr std::size_t kNamesRoom = 1024;

void putData(nlmsghdr* message, std::uint16_t type, const Key& key) {
  nlattr* nest = mnl_attr_nest_start(message, type);
  mnl_attr_put(message, NFTA_DATA_VALUE, key.bytes().size(), key.bytes().data());
  mnl_attr_nest_end(message, nest);
}

void putVerdict(nlmsghdr* message, const Verdict& verdict) {
  nlattr* data = mnl_attr_nest_start(message, NFTA_SET_ELEM_DATA);
  nlattr* nest = mnl_attr_nest_start(message, NFTA_DATA_VERDICT);
  const auto code = static_cast<std::uint32_t>(verdictNumber(verdict.kind));
  mnl_attr_put_u32(message, NFTA_VERDICT_CODE, htonl(code));
  if (!verdict.chain.empty()) mnl_attr_put_strz(message, NFTA_VERDICT_CHAIN, verdict.chain.c_str());
  mnl_attr_nest_end(message, nest);
  mnl_attr_nest_end(message, data);
}

void putValue(nlmsghdr* message, const Element& element) {
  if (const auto* verdict = std::get_if<Verdict>(&element.value)) putVerdict(message, *verdict);
  if (const auto* value = std::get_if<Key>(&element.value))
    putData(message, NFTA_SET_ELEM_DATA, *value);
}

// nft's mark for a range without an end element, because it reaches the greatest key (nftables
// src/segtree.c, EXPR_F_INTERVAL_OPEN; SET_ELEM_F_INTERVAL_OPEN is 1).
void putOpenRange(nlmsghdr* message) {
  const std::uint32_t open = 1;
  std::array<std::uint8_t, 6> userdata{NFTNL_UDATA_SET_ELEM_FLAGS, sizeof open};
  std::copy_n(reinterpret_cast<const std::uint8_t*>(&open), sizeof open, userdata.begin() + 2);
  mnl_attr_put(message, NFTA_SET_ELEM_USERDATA, userdata.size(), userdata.data());
}

// A range of single (not concatenated) keys is two elements: its first key, and the key after it
// with the interval-end flag. Both must be adjacent, because the kernel checks for overlaps when
// the end arrives.
void putRange(nlmsghdr* message, const Element& element, bool withValue) {
  const std::optional<Key> end = next(element.last);
  nlattr* start = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
  putData(message, NFTA_SET_ELEM_KEY, element.first);
  if (withValue) putValue(message, element);
  if (!end) putOpenRange(message);
  mnl_attr_nest_end(message, start);
  if (!end) return;
  nlattr* closing = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
  mnl_attr_put_u32(message, NFTA_SET_ELEM_FLAGS, htonl(NFT_SET_ELEM_INTERVAL_END));
  putData(message, NFTA_SET_ELEM_KEY, *end);
  mnl_attr_nest_end(message, closing);
}

void putElement(nlmsghdr* message, const Element& element, bool withValue) {
  nlattr* nest = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
  putData(message, NFTA_SET_ELEM_KEY, element.first);
  if (withValue) putValue(message, element);
  mnl_attr_nest_end(message, nest);
}

// A concatenated range has both ends in one element. A single value in such a set needs both too,
// or nft lists it and the next one as the two elements of a range of single keys.
void putConcatenatedRange(nlmsghdr* message, const Element& element, bool withValue) {
  nlattr* nest = mnl_attr_nest_start(message, NFTA_LIST_ELEM);
  putData(message, NFTA_SET_ELEM_KEY, element.first);
  putData(message, NFTA_SET_ELEM_KEY_END, element.last);
  if (withValue) putValue(message, element);
  mnl_attr_nest_end(message, nest);
}

auto* putterFor(const Set& set) {
  if (!set.interval) return &putElement;
  return set.key.size() == 1 ? &putRange : &putConcatenatedRange;
}

}  // namespace

void encodeElements(const ElementMessages& messages, const std::vector<Element>& elements,
                    Batch& batch) {
  const bool withValue = messages.kind.type == NFT_MSG_NEWSETELEM;
  const auto put = putterFor(messages.set);
  for (std::size_t i = 0; i < elements.size();) {
    const std::size_t left = (elements.size() - i) * kMaxElementBytes;
    batch.from({messages.origin.change, messages.origin.firstElement + i});
    batch.append(messages.kind, kNamesRoom + std::min(left, kMaxListBytes + kMaxElementBytes),
                 [&](nlmsghdr* message) {
                   mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, messages.table.c_str());
                   mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, messages.set.name.c_str());
                   nlattr* list = mnl_attr_nest_start(message, NFTA_SET_ELEM_LIST_ELEMENTS);
                   const std::size_t full = message->nlmsg_len + kMaxListBytes;
                   for (; i < elements.size() && message->nlmsg_len < full; ++i)
                     put(message, elements[i], withValue);
                   mnl_attr_nest_end(message, list);
                 });
  }
}

}  // namespace kpol::nft
