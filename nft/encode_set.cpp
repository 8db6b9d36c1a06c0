// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"
#include "nft/encode.hpp"
#include "nft/kernel_numbers.hpp"
#include "nft/shape.hpp"

#include <linux/netfilter/nf_tables.h>

#include <algorithm>
#include <array>

namespace kpol::nft {
namespace {

constexpr std::uint32_t kUserdataMax = 256;  // NFT_USERDATA_MAXLEN

// The userdata that nft stores with a set in order to list it (nftables src/mnl.c,
// mnl_nft_set_add).
UserdataPtr userdataOf(const Set& set) {
  auto userdata = allocated<UserdataPtr>(nftnl_udata_buf_alloc(kUserdataMax));
  bool fits = nftnl_udata_put_u32(userdata.get(), NFTNL_UDATA_SET_KEYBYTEORDER,
                                  byteOrderNumber(set.key)) != 0;
  if (set.kind != Set::Kind::Set)
    fits = fits && nftnl_udata_put_u32(userdata.get(), NFTNL_UDATA_SET_DATABYTEORDER,
                                       byteOrderNumber(set.value)) != 0;
  if (!set.comment.empty())
    fits = fits &&
           nftnl_udata_put_strz(userdata.get(), NFTNL_UDATA_SET_COMMENT, set.comment.c_str()) != 0;
  base::expects(fits, "a set's comment has at most 127 bytes");
  return userdata;
}

std::uint32_t flagsOf(const Set& set) {
  std::uint32_t flags = 0;
  if (set.kind != Set::Kind::Set) flags |= NFT_SET_MAP;
  if (set.interval) flags |= NFT_SET_INTERVAL;
  if (set.interval && set.key.size() > 1) flags |= NFT_SET_CONCAT;
  return flags;
}

std::uint32_t lengthIn(const std::vector<DataType>& types) {
  return static_cast<std::uint32_t>(lengthOf(types));
}

void putValueType(nftnl_set* set, const Set& declaration) {
  switch (declaration.kind) {
    case Set::Kind::Set: return;
    case Set::Kind::VerdictMap:
      nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
      nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, 0);
      return;
    case Set::Kind::Map:
      nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE, keyTypeNumber(declaration.value));
      nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, lengthIn(declaration.value));
      return;
  }
}

}  // namespace

SetPtr encodeSet(const std::string& table, const Set& declaration, std::uint32_t id) {
  auto set = allocated<SetPtr>(nftnl_set_alloc());
  check(nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table.c_str()));
  check(nftnl_set_set_str(set.get(), NFTNL_SET_NAME, declaration.name.c_str()));
  nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, flagsOf(declaration));
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_TYPE, keyTypeNumber(declaration.key));
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_LEN, lengthIn(declaration.key));
  nftnl_set_set_u32(set.get(), NFTNL_SET_ID, id);
  putValueType(set.get(), declaration);
  if (declaration.size) nftnl_set_set_u32(set.get(), NFTNL_SET_DESC_SIZE, *declaration.size);
  if (declaration.interval && declaration.key.size() > 1) {
    std::array<std::uint8_t, NFT_REG32_COUNT> lengths{};
    std::ranges::transform(declaration.key, lengths.begin(), [](DataType type) {
      return static_cast<std::uint8_t>(byteLength(type));
    });
    check(nftnl_set_set_data(set.get(), NFTNL_SET_DESC_CONCAT, lengths.data(),
                             static_cast<std::uint32_t>(declaration.key.size())));
  }
  const auto userdata = userdataOf(declaration);
  check(nftnl_set_set_data(set.get(), NFTNL_SET_USERDATA, nftnl_udata_buf_data(userdata.get()),
                           nftnl_udata_buf_len(userdata.get())));
  return set;
}

}  // namespace kpol::nft
