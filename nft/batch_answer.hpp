// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/parse.hpp"
#include "netlink/socket.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

// Private to nft/: the kernel's answers to one batch.
namespace kpol::nft {

// What the kernel said against one message of a batch.
struct MessageRefusal {
  std::uint32_t sequence = 0;
  int code = 0;                         // errno, > 0
  std::string extack;                   // the kernel's words; may be empty
  std::optional<std::uint32_t> offset;  // of the attribute it means, from the message's start
  bool operator==(const MessageRefusal&) const = default;
};

// The answers to a batch, fed datagram by datagram. No I/O.
//
// nfnetlink (net/netfilter/nfnetlink.c, nfnetlink_rcv_batch) handles all messages even after one
// was refused, then answers in their order: an NLMSG_ERROR for each that was refused and for the
// one that asked for an acknowledgement. When the batch as a whole fails (no privilege, no memory,
// the commit itself), the answer names the sequence of BATCH_BEGIN.
class BatchAnswer {
 public:
  BatchAnswer(std::uint32_t firstSequence, std::uint32_t lastSequence)
      : first_(firstSequence), last_(lastSequence) {}

  // Throws netlink::Error with EBADMSG on malformed bytes.
  void feed(std::span<const std::uint8_t> datagram);

  // Nothing more has to be waited for.
  [[nodiscard]] bool complete() const { return complete_; }
  // The refusal of the earliest message, one of the batch as a whole before all others.
  [[nodiscard]] const std::optional<MessageRefusal>& refusal() const { return refusal_; }

 private:
  void feedOne(const netlink::MessageView& message);

  std::uint32_t first_;
  std::uint32_t last_;
  bool complete_ = false;
  std::optional<MessageRefusal> refusal_;
};

// Receives all answers of the batch just sent. Throws netlink::Error: ETIMEDOUT when the kernel is
// silent until the deadline; ENOBUFS when answers were lost and none of those that came is a
// refusal, so that the outcome is not known.
std::optional<MessageRefusal> receiveAnswer(netlink::Socket& socket, BatchAnswer answer,
                                            std::chrono::steady_clock::time_point deadline);

}  // namespace kpol::nft
