// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/socket.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace kpol::nft {

// Whether a datagram of nf_tables' notifications reports a change of the table `inet TABLE` by
// anybody but the socket `ownPortId`. True as well for one that cannot be read.
bool reportsForeignChange(std::span<const std::uint8_t> datagram, std::string_view table,
                          std::uint32_t ownPortId);

// Notices at once that somebody else changed our table, for kernels where it cannot be owned. Sees
// what happens after it was made, in the network namespace the calling thread was in then. While it
// lives every commit costs its notifications.
class TableWatch {
 public:
  // ownPortId: whose changes are no news, Kernel::portId(). Throws netlink::Error.
  TableWatch(std::string table, std::uint32_t ownPortId);

  // Readable when there is something to drain.
  [[nodiscard]] int fd() const { return socket_.fd(); }

  // Reads all that waits, without blocking. True when another's change of the table was among it or
  // may have been: a notification was lost, or cannot be read. Throws netlink::Error when the
  // socket fails.
  bool drain();

 private:
  std::string table_;
  std::uint32_t ownPortId_;
  netlink::Socket socket_;
};

}  // namespace kpol::nft
