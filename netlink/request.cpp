// SPDX-License-Identifier: Apache-2.0
#include "netlink/request.hpp"

#include <linux/netlink.h>

#include <cerrno>

namespace kpol::netlink {
namespace {

using Clock = std::chrono::steady_clock;

std::string extackText(std::span<const std::uint8_t> bytes) {
  Attributes attributes(bytes);
  while (const auto attribute = attributes.next())
    if (attribute->type == NLMSGERR_ATTR_MSG) return std::string(attribute->text());
  return {};
}

std::optional<Refusal> parseEnd(const MessageView& message) {
  const ErrorReply reply = errorReply(message);
  if (reply.code == 0) return std::nullopt;
  return Refusal{reply.code, extackText(reply.attributes)};
}

void awaitEnd(Socket& socket, Exchange& exchange, const OnObject& onObject) {
  for (;;) {
    const auto datagram = socket.receive(Clock::now() + kAnswerTimeout);
    if (!datagram) throw Error("wait for the kernel's reply", ETIMEDOUT);
    if (exchange.feed(*datagram, onObject)) return;
  }
}

// Like awaitEnd, but returns true if the kernel reported lost datagrams meanwhile. The dump
// continues after that (the lost datagrams are notifications to the same socket, netlink_overrun).
// It must be read to its end, because until then the kernel rejects a new dump with EBUSY.
bool awaitDumpEnd(Socket& socket, Exchange& exchange, const OnObject& onObject) {
  bool overrun = false;
  for (;;) {
    try {
      awaitEnd(socket, exchange, onObject);
      return overrun;
    } catch (const Error& error) {
      if (error.code() != ENOBUFS) throw;
      overrun = true;
    }
  }
}

}  // namespace

bool Exchange::feed(std::span<const std::uint8_t> datagram, const OnObject& onObject) {
  Messages messages(datagram);
  bool complete = false;
  while (const auto message = messages.next()) {
    if (message->type == NLMSG_OVERRUN) throw Error("receive from the kernel", ENOBUFS);
    if (message->sequence != sequence_ || message->portId != portId_) continue;
    complete = feedOne(*message, onObject) || complete;
  }
  return complete;
}

bool Exchange::feedOne(const MessageView& message, const OnObject& onObject) {
  if ((message.flags & NLM_F_DUMP_INTR) != 0) interrupted_ = true;
  switch (message.type) {
    case NLMSG_NOOP: return false;
    case NLMSG_DONE:
    case NLMSG_ERROR: refusal_ = parseEnd(message); return true;
    default: break;
  }
  if (onObject) onObject(message);
  return kind_ == Kind::Answered;
}

std::optional<Refusal> request(Socket& socket, Message& message, Exchange::Kind kind,
                               const OnObject& onObject) {
  const std::uint32_t sequence = socket.nextSequence();
  message.setSequence(sequence);
  socket.send(message.bytes());
  Exchange exchange(kind, sequence, socket.portId());
  awaitEnd(socket, exchange, onObject);
  return exchange.refusal();
}

std::optional<Refusal> dump(Socket& socket, Message& message, const DumpSink& sink) {
  message.addFlags(NLM_F_DUMP);
  for (int attempt = 0; attempt <= kDumpRestarts; ++attempt) {
    if (attempt > 0) sink.restart();
    const std::uint32_t sequence = socket.nextSequence();
    message.setSequence(sequence);
    socket.send(message.bytes());
    Exchange exchange(Exchange::Kind::Dump, sequence, socket.portId());
    const bool overrun = awaitDumpEnd(socket, exchange, sink.onObject);
    if (exchange.refusal() || (!exchange.interrupted() && !overrun)) return exchange.refusal();
  }
  throw Error("dump objects that change during every attempt", EAGAIN);
}

}  // namespace kpol::netlink
