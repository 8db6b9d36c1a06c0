// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/socket.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kpol::nft {

// Whether a datagram of nf_tables notifications reports a change of the table `inet TABLE` by
// another socket than `ownPortId`. Also true if the datagram cannot be parsed.
bool reportsForeignChange(std::span<const std::uint8_t> datagram, std::string_view table,
                          std::uint32_t ownPortId);

// Detects third-party changes of our table at once, for kernels without owned tables. Detects
// changes after construction, in the network namespace that the calling thread is in during
// construction. While this object exists, the kernel sends notifications for every commit.
class TableWatch {
 public:
  // ownPortId: the socket whose changes are ignored, Kernel::portId(). Throws netlink::Error.
  TableWatch(std::string table, std::uint32_t ownPortId);

  // Readable when notifications are pending.
  [[nodiscard]] int fd() const { return socket_.fd(); }

  // Reads all pending notifications without blocking. Returns true if the table was changed by
  // another socket or might have been, because a notification was lost or cannot be parsed. Throws
  // netlink::Error if the socket fails.
  bool drain();

 private:
  std::string table_;
  std::uint32_t ownPortId_;
  netlink::Socket socket_;
};

}  // namespace kpol::nft
