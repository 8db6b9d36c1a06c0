// SPDX-License-Identifier: Apache-2.0
#include "netlink/flow_dump.hpp"

#include "netlink/ctnetlink.hpp"

#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace kpol::netlink {
namespace {

// More filtered dumps than this take longer than one dump of everything.
constexpr std::size_t kMostFiltered = 2;
// CTA_FILTER_FLAG(CTA_IP_SRC), net/netfilter/nf_internals.h.
constexpr std::uint32_t kFilterSource = 1;

bool concerns(const FlowEnd& end, const TrackedFlow& flow) {
  return (end.opened && flow.original.source == end.address) ||
         (end.received && flow.reply.source == end.address);
}

std::size_t filtersFor(const std::vector<FlowEnd>& ends) {
  std::size_t count = 0;
  for (const auto& end : ends) count += std::size_t{end.opened} + std::size_t{end.received};
  return count;
}

bool hasFamily(const std::vector<FlowEnd>& ends, base::Family family) {
  return std::any_of(ends.begin(), ends.end(),
                     [&](const auto& end) { return end.address.family() == family; });
}

// Only entries whose source in one direction is `address`.
Message filteredQuery(const base::IpAddress& address, bool original) {
  auto message = conntrackMessage(IPCTNL_MSG_CT_GET, 0, AF_INET);
  {
    const auto tuple = message.nest(original ? CTA_TUPLE_ORIG : CTA_TUPLE_REPLY);
    const auto ip = message.nest(CTA_TUPLE_IP);
    message.put(CTA_IP_V4_SRC, address);
    message.put(CTA_IP_V4_DST, base::IpAddress());  // required by the parser, not compared
  }
  const auto filter = message.nest(CTA_FILTER);
  message.putU32(CTA_FILTER_ORIG_FLAGS, original ? kFilterSource : 0);
  message.putU32(CTA_FILTER_REPLY_FLAGS, original ? 0 : kFilterSource);
  return message;
}

}  // namespace

FlowDump::FlowDump() : socket_(NETLINK_NETFILTER), wanted_([](const auto&) { return true; }) {
  addQuery(AF_UNSPEC);
}

FlowDump::FlowDump(bool v4, bool v6, Wanted wanted)
    : socket_(NETLINK_NETFILTER), wanted_(std::move(wanted)) {
  if (v4 && v6)
    addQuery(AF_UNSPEC);
  else if (v4 || v6)
    addQuery(v4 ? AF_INET : AF_INET6);
}

FlowDump::FlowDump(std::vector<FlowEnd> ends) : socket_(NETLINK_NETFILTER) {
  const bool v4 = hasFamily(ends, base::Family::V4);
  const bool v6 = hasFamily(ends, base::Family::V6);
  if (v6)
    addQuery(v4 ? AF_UNSPEC : AF_INET6);
  else if (v4 && filtersFor(ends) > kMostFiltered)
    addQuery(AF_INET);
  else
    for (const auto& end : ends) addQuery(end);
  wanted_ = [all = std::move(ends)](const TrackedFlow& flow) {
    return std::any_of(all.begin(), all.end(),
                       [&](const FlowEnd& end) { return concerns(end, flow); });
  };
}

void FlowDump::addQuery(std::uint8_t family) {
  queries_.push_back(conntrackMessage(IPCTNL_MSG_CT_GET, 0, family));
}

void FlowDump::addQuery(const FlowEnd& end) {
  if (end.opened) queries_.push_back(filteredQuery(end.address, true));
  if (end.received) queries_.push_back(filteredQuery(end.address, false));
}

std::vector<TrackedFlow> FlowDump::next(std::size_t enough) {
  std::vector<TrackedFlow> batch;
  while (batch.size() < enough && current_ < queries_.size()) {
    if (!exchange_) start();
    if (receive(batch)) finish();
  }
  return batch;
}

void FlowDump::start() {
  auto& query = queries_.at(current_);
  query.addFlags(NLM_F_DUMP);
  const auto sequence = socket_.nextSequence();
  query.setSequence(sequence);
  socket_.send(query.bytes());
  exchange_.emplace(Exchange::Kind::Dump, sequence, socket_.portId());
  overrun_ = false;
}

// Returns true at the end of the current dump.
bool FlowDump::receive(std::vector<TrackedFlow>& batch) {
  try {
    const auto datagram = socket_.receive(std::chrono::steady_clock::now() + kAnswerTimeout);
    if (!datagram) throw Error("wait for conntrack entries", ETIMEDOUT);
    return exchange_->feed(*datagram, [&](const MessageView& view) {
      auto flow = parseTrackedFlow(view.payload);
      if (wanted_(flow)) batch.push_back(std::move(flow));
    });
  } catch (const Error& error) {
    if (error.code() != ENOBUFS) throw;
    overrun_ = true;  // the dump continues
    return false;
  }
}

void FlowDump::finish() {
  if (const auto& refusal = exchange_->refusal())
    throw Error("dump conntrack entries", refusal->code, refusal->extack);
  const bool complete = !exchange_->interrupted() && !overrun_;
  exchange_.reset();
  if (!complete && ++restarts_ > kDumpRestarts)
    throw Error("dump conntrack entries that change during every attempt", EAGAIN);
  if (!complete) return;
  ++current_;
  restarts_ = 0;
}

}  // namespace kpol::netlink
