// SPDX-License-Identifier: Apache-2.0
#include "nft/encode.hpp"

#include "nft/kernel_numbers.hpp"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

namespace kpol::nft {
namespace {

constexpr std::uint16_t kNew = NLM_F_CREATE | NLM_F_EXCL;
constexpr std::size_t kObjectRoom = 2048;  // names of 255 bytes, 256 bytes userdata, numbers

void putTable(const std::string& name, std::uint32_t flags, nlmsghdr* message) {
  mnl_attr_put_strz(message, NFTA_TABLE_NAME, name.c_str());
  mnl_attr_put_u32(message, NFTA_TABLE_FLAGS, htonl(flags));
}

ChainPtr namedChain(const std::string& table, const std::string& name) {
  auto chain = allocated<ChainPtr>(nftnl_chain_alloc());
  check(nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, table.c_str()));
  check(nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, name.c_str()));
  return chain;
}

ObjectPtr namedCounter(const std::string& table, const std::string& name) {
  auto counter = allocated<ObjectPtr>(nftnl_obj_alloc());
  nftnl_obj_set_str(counter.get(), NFTNL_OBJ_TABLE, table.c_str());
  nftnl_obj_set_str(counter.get(), NFTNL_OBJ_NAME, name.c_str());
  nftnl_obj_set_u32(counter.get(), NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
  return counter;
}

}  // namespace

void encodeAdoption(const std::string& table, std::uint32_t flags, Batch& batch) {
  batch.append({NFT_MSG_NEWTABLE, NLM_F_CREATE}, kObjectRoom,
               [&](nlmsghdr* message) { putTable(table, flags, message); });
}

void Encoder::encode(const Change& change, Batch::Origin origin) {
  origin_ = origin;
  batch_.from(origin);
  std::visit([this](const auto& concrete) { put(concrete); }, change);
}

void Encoder::put(const AddTable&) {
  batch_.append({NFT_MSG_NEWTABLE, kNew}, kObjectRoom,
                [&](nlmsghdr* message) { putTable(table_, tableFlags_, message); });
}

void Encoder::put(const DeleteTable&) {
  declarations_.clear();
  batch_.append({NFT_MSG_DELTABLE, 0}, kObjectRoom, [&](nlmsghdr* message) {
    mnl_attr_put_strz(message, NFTA_TABLE_NAME, table_.c_str());
  });
}

void Encoder::put(const AddCounter& change) {
  const auto counter = namedCounter(table_, change.name);
  nftnl_obj_set_u64(counter.get(), NFTNL_OBJ_CTR_PKTS, 0);
  nftnl_obj_set_u64(counter.get(), NFTNL_OBJ_CTR_BYTES, 0);
  batch_.append({NFT_MSG_NEWOBJ, kNew}, kObjectRoom,
                [&](nlmsghdr* message) { nftnl_obj_nlmsg_build_payload(message, counter.get()); });
}

void Encoder::put(const DeleteCounter& change) {
  const auto counter = namedCounter(table_, change.name);
  batch_.append({NFT_MSG_DELOBJ, 0}, kObjectRoom,
                [&](nlmsghdr* message) { nftnl_obj_nlmsg_build_payload(message, counter.get()); });
}

void Encoder::put(const AddChain& change) {
  const auto chain = namedChain(table_, change.name);
  if (const auto& base = change.base) {
    const auto policy = verdictNumber(base->policy);
    check(nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, chainTypeName(base->type).data()));
    nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, static_cast<std::uint32_t>(base->hook));
    nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, base->priority);
    nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_POLICY, static_cast<std::uint32_t>(policy));
  }
  batch_.append({NFT_MSG_NEWCHAIN, kNew}, kObjectRoom,
                [&](nlmsghdr* message) { nftnl_chain_nlmsg_build_payload(message, chain.get()); });
}

// DELRULE without a handle deletes all rules of the chain; the chain may be empty
// (nf_tables_delrule).
void Encoder::put(const FlushChain& change) {
  batch_.append({NFT_MSG_DELRULE, 0}, kObjectRoom, [&](nlmsghdr* message) {
    mnl_attr_put_strz(message, NFTA_RULE_TABLE, table_.c_str());
    mnl_attr_put_strz(message, NFTA_RULE_CHAIN, change.name.c_str());
  });
}

void Encoder::put(const DeleteChain& change) {
  batch_.append({NFT_MSG_DELCHAIN, 0}, kObjectRoom, [&](nlmsghdr* message) {
    mnl_attr_put_strz(message, NFTA_CHAIN_TABLE, table_.c_str());
    mnl_attr_put_strz(message, NFTA_CHAIN_NAME, change.name.c_str());
  });
}

void Encoder::put(const AddRule& change) {
  const auto rule = encodeRule(table_, change.chain, change.rule);
  batch_.append({NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND}, roomFor(change.rule),
                [&](nlmsghdr* message) { nftnl_rule_nlmsg_build_payload(message, rule.get()); });
}

void Encoder::put(const AddSet& change) {
  const auto set = encodeSet(table_, change.declaration, nextSetId_++);
  batch_.append({NFT_MSG_NEWSET, kNew}, kObjectRoom,
                [&](nlmsghdr* message) { nftnl_set_nlmsg_build_payload(message, set.get()); });
  declarations_.insert_or_assign(change.declaration.name, declarationOf(change.declaration));
}

void Encoder::put(const DeleteSet& change) {
  declarations_.erase(change.name);
  batch_.append({NFT_MSG_DELSET, 0}, kObjectRoom, [&](nlmsghdr* message) {
    mnl_attr_put_strz(message, NFTA_SET_TABLE, table_.c_str());
    mnl_attr_put_strz(message, NFTA_SET_NAME, change.name.c_str());
  });
}

const Set& Encoder::knownSet(const std::string& name) {
  const auto [place, fresh] = declarations_.try_emplace(name);
  if (fresh) place->second.name = name;
  return place->second;
}

void Encoder::put(const AddElements& change) {
  encodeElements({table_, knownSet(change.set), {NFT_MSG_NEWSETELEM, kNew}, origin_},
                 change.elements, batch_);
}

void Encoder::put(const DeleteElements& change) {
  encodeElements({table_, knownSet(change.set), {NFT_MSG_DELSETELEM, 0}, origin_}, change.elements,
                 batch_);
}

// DELSETELEM without a list deletes all elements (nf_tables_delsetelem).
void Encoder::put(const FlushSet& change) {
  batch_.append({NFT_MSG_DELSETELEM, 0}, kObjectRoom, [&](nlmsghdr* message) {
    mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_TABLE, table_.c_str());
    mnl_attr_put_strz(message, NFTA_SET_ELEM_LIST_SET, change.name.c_str());
  });
}

}  // namespace kpol::nft
