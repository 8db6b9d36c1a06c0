// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/parse.hpp"
#include "netlink/socket.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

// Private to nft/: the kernel's responses to one batch.
namespace kpol::nft {

// The kernel's rejection of one message of a batch.
struct MessageRefusal {
  std::uint32_t sequence = 0;
  int code = 0;                         // errno, > 0
  std::string extack;                   // the kernel's error text; may be empty
  std::optional<std::uint32_t> offset;  // of the rejected attribute, from the message's start
  bool operator==(const MessageRefusal&) const = default;
};

// Parses the responses to a batch, datagram by datagram. No I/O.
//
// nfnetlink (net/netfilter/nfnetlink.c, nfnetlink_rcv_batch) processes all messages even after it
// rejected one. Then it responds in their order, with an NLMSG_ERROR for each rejected message and
// for the one that requested an acknowledgement. If the whole batch fails (no privilege, no memory,
// a failed commit), the response has the sequence number of BATCH_BEGIN.
class BatchAnswer {
 public:
  BatchAnswer(std::uint32_t firstSequence, std::uint32_t lastSequence)
      : first_(firstSequence), last_(lastSequence) {}

  // Throws netlink::Error with EBADMSG on malformed bytes.
  void feed(std::span<const std::uint8_t> datagram);

  // True when no further response is needed.
  [[nodiscard]] bool complete() const { return complete_; }
  // The rejection of the whole batch if there is one, else of the earliest rejected message.
  [[nodiscard]] const std::optional<MessageRefusal>& refusal() const { return refusal_; }

 private:
  void feedOne(const netlink::MessageView& message);

  std::uint32_t first_;
  std::uint32_t last_;
  bool complete_ = false;
  std::optional<MessageRefusal> refusal_;
};

// Receives all responses to the batch just sent. Returns the rejection, or nullopt on success.
// Throws netlink::Error: ETIMEDOUT if the kernel does not respond until the deadline; ENOBUFS if
// responses were lost and none of the others is a rejection, so that the outcome is unknown.
std::optional<MessageRefusal> receiveAnswer(netlink::Socket& socket, BatchAnswer answer,
                                            std::chrono::steady_clock::time_point deadline);

}  // namespace kpol::nft
