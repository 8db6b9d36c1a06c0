// SPDX-License-Identifier: Apache-2.0
#include "nft/batch_answer.hpp"

#include "netlink/error.hpp"

#include <linux/netlink.h>

#include <cerrno>

namespace kpol::nft {
namespace {

using Clock = std::chrono::steady_clock;

void readExtack(std::span<const std::uint8_t> bytes, MessageRefusal& refusal) {
  netlink::Attributes attributes(bytes);
  while (const auto attribute = attributes.next()) {
    if (attribute->type == NLMSGERR_ATTR_MSG) refusal.extack = attribute->text();
    if (attribute->type == NLMSGERR_ATTR_OFFS) refusal.offset = attribute->u32();
  }
}

MessageRefusal parseRefusal(const netlink::MessageView& message) {
  const netlink::ErrorReply reply = netlink::errorReply(message);
  MessageRefusal refusal{message.sequence, reply.code, {}, {}};
  readExtack(reply.attributes, refusal);
  return refusal;
}

}  // namespace

void BatchAnswer::feed(std::span<const std::uint8_t> datagram) {
  netlink::Messages messages(datagram);
  while (const auto message = messages.next())
    if (message->type == NLMSG_ERROR) feedOne(*message);
}

void BatchAnswer::feedOne(const netlink::MessageView& message) {
  // Modulo 2^32, because sequence numbers wrap. Late responses to an earlier batch are out of
  // range.
  if (message.sequence - first_ > last_ - first_) return;
  MessageRefusal refusal = parseRefusal(message);
  const bool wholeBatch = refusal.sequence == first_;
  if (wholeBatch || refusal.sequence == last_) complete_ = true;
  if (refusal.code == 0) return;
  if (!refusal_ || (wholeBatch && refusal_->sequence != first_)) refusal_ = std::move(refusal);
}

// The kernel responds within send(), so the responses end at the first read that returns none.
// Reading past the acknowledgement leaves the queue empty for the next batch.
std::optional<MessageRefusal> receiveAnswer(netlink::Socket& socket, BatchAnswer answer,
                                            Clock::time_point deadline) {
  bool lost = false;
  for (;;) {
    try {
      const auto datagram = socket.receive(answer.complete() || lost ? Clock::now() : deadline);
      if (datagram) {
        answer.feed(*datagram);
        continue;
      }
    } catch (const netlink::Error& error) {
      if (error.code() != ENOBUFS) throw;
      lost = true;
      continue;
    }
    if (answer.refusal()) return answer.refusal();
    if (lost) throw netlink::Error("receive the result of a transaction", ENOBUFS);
    if (answer.complete()) return std::nullopt;
    throw netlink::Error("wait for the result of a transaction", ETIMEDOUT);
  }
}

}  // namespace kpol::nft
