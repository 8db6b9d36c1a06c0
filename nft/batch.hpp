// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libmnl/libmnl.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace kpol::nft {

// One nf_tables transaction as bytes: BATCH_BEGIN, messages, BATCH_END. Knows which change every
// message came from. Only the last message asks for an acknowledgement: one for each would overflow
// the receive buffer although the kernel took the batch.
class Batch {
 public:
  // What the kernel's answers are traced back to.
  struct Origin {
    std::size_t change = 0;        // index in the change set
    std::size_t firstElement = 0;  // of AddElements and DeleteElements: the message's first
  };
  struct Kind {
    std::uint16_t type = 0;   // NFT_MSG_*
    std::uint16_t flags = 0;  // NLM_F_*, beyond NLM_F_REQUEST
  };

  Batch();

  // Where the messages appended from now on come from.
  void from(Origin origin) { origin_ = origin; }

  // Appends a message of family inet whose attributes `fill` puts, at most `room` bytes of them.
  void append(Kind kind, std::size_t room, const std::function<void(nlmsghdr*)>& fill);

  [[nodiscard]] bool empty() const { return messages_.empty(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }  // of what is appended
  [[nodiscard]] std::size_t count() const { return messages_.size(); }

  // Ends the batch and numbers its messages with what `nextSequence` returns. Once, and not empty.
  std::span<const std::uint8_t> seal(const std::function<std::uint32_t()>& nextSequence);

  // After seal.
  [[nodiscard]] std::uint32_t firstSequence() const;  // of BATCH_BEGIN
  [[nodiscard]] std::uint32_t lastSequence() const;   // of the message that asks for the ACK
  struct Message {
    Origin origin;
    const nlmsghdr* header = nullptr;
    std::size_t index = 0;  // among the batch's messages
  };
  // The message with that sequence; header is null where there is none.
  [[nodiscard]] Message find(std::uint32_t sequence) const;

 private:
  struct Place {
    std::size_t offset;
    Origin origin;
  };
  nlmsghdr* at(std::size_t offset);
  [[nodiscard]] const nlmsghdr* at(std::size_t offset) const;

  std::vector<std::uint8_t> bytes_;
  std::vector<Place> messages_;
  Origin origin_;
};

}  // namespace kpol::nft
