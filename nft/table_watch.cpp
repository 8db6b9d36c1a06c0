// SPDX-License-Identifier: Apache-2.0
#include "nft/table_watch.hpp"

#include "netlink/error.hpp"
#include "netlink/parse.hpp"

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>

#include <cerrno>
#include <chrono>
#include <utility>

namespace kpol::nft {
namespace {

// Large enough for the notifications of our own commit of about ten thousand elements.
constexpr std::size_t kWatchReceiveBytes = 8U << 20U;

// The table's name has the same attribute type in the notifications of all kinds of objects.
constexpr std::uint16_t kTableName = NFTA_TABLE_NAME;
static_assert(NFTA_CHAIN_TABLE == int{kTableName} && NFTA_RULE_TABLE == int{kTableName});
static_assert(NFTA_SET_TABLE == int{kTableName} && NFTA_SET_ELEM_LIST_TABLE == int{kTableName});
static_assert(NFTA_OBJ_TABLE == int{kTableName} && NFTA_FLOWTABLE_TABLE == int{kTableName});

constexpr std::uint16_t messageType(unsigned message) {
  return static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8U) | message);
}

bool isAbout(std::string_view table, std::span<const std::uint8_t> payload) {
  if (netlink::cutHeader<nfgenmsg>(payload).nfgen_family != NFPROTO_INET) return false;
  netlink::Attributes attributes(payload);
  while (const auto attribute = attributes.next())
    if (attribute->type == kTableName) return attribute->text() == table;
  throw netlink::Error("parse an nf_tables notification: no table's name", EBADMSG);
}

}  // namespace

bool reportsForeignChange(std::span<const std::uint8_t> datagram, std::string_view table,
                          std::uint32_t ownPortId) {
  try {
    netlink::Messages messages(datagram);
    while (const auto message = messages.next()) {
      // Ends each commit and contains no table name; its attribute type 1 is the generation number.
      if (message->type == messageType(NFT_MSG_NEWGEN)) continue;
      // The notifications of a commit contain the port ID of the committing socket
      // (nf_tables_api.c, ctx->portid), not 0 for the kernel.
      if (message->portId != ownPortId && isAbout(table, message->payload)) return true;
    }
    return false;
  } catch (const netlink::Error&) {
    return true;
  }
}

TableWatch::TableWatch(std::string table, std::uint32_t ownPortId)
    : table_(std::move(table)), ownPortId_(ownPortId), socket_(NETLINK_NETFILTER) {
  socket_.growReceiveBuffer(kWatchReceiveBytes);
  socket_.joinGroup(NFNLGRP_NFTABLES);
}

bool TableWatch::drain() {
  bool changed = false;
  for (;;) {
    try {
      const auto datagram = socket_.receive(std::chrono::steady_clock::now());
      if (!datagram) return changed;
      changed = reportsForeignChange(*datagram, table_, ownPortId_) || changed;
    } catch (const netlink::Error& error) {
      // The kernel reports the loss once, before the pending notifications.
      if (error.code() != ENOBUFS) throw;
      changed = true;
    }
  }
}

}  // namespace kpol::nft
