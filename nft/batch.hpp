// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <libmnl/libmnl.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace kpol::nft {

// One nf_tables transaction as bytes: BATCH_BEGIN, messages, BATCH_END. Records which change each
// message comes from. Only the last message requests an acknowledgement, because one per message
// would overflow the receive buffer although the kernel accepted the batch.
class Batch {
 public:
  // The change that a message comes from, for error messages.
  struct Origin {
    std::size_t change = 0;        // index in the change set
    std::size_t firstElement = 0;  // for AddElements and DeleteElements: the message's first one
  };
  struct Kind {
    std::uint16_t type = 0;   // NFT_MSG_*
    std::uint16_t flags = 0;  // NLM_F_*, in addition to NLM_F_REQUEST
  };

  Batch();

  // Sets the origin of the messages appended from now on.
  void from(Origin origin) { origin_ = origin; }

  // Appends a message of family inet. `fill` adds its attributes, at most `room` bytes.
  void append(Kind kind, std::size_t room, const std::function<void(nlmsghdr*)>& fill);

  [[nodiscard]] bool empty() const { return messages_.empty(); }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }  // bytes, with BATCH_BEGIN
  [[nodiscard]] std::size_t count() const { return messages_.size(); }

  // Ends the batch and sets the sequence numbers from `nextSequence`. Call once; must not be empty.
  std::span<const std::uint8_t> seal(const std::function<std::uint32_t()>& nextSequence);

  // Valid after seal.
  [[nodiscard]] std::uint32_t firstSequence() const;  // BATCH_BEGIN
  [[nodiscard]] std::uint32_t lastSequence() const;   // the message that requests the ACK
  struct Message {
    Origin origin;
    const nlmsghdr* header = nullptr;
    std::size_t index = 0;  // among the batch's messages
  };
  // The message with this sequence number. `header` is null if there is none.
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
