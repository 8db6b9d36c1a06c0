// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"
#include "netlink/error.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace kpol::netlink {

// One netlink socket in the network namespace that the thread is in during construction. Sends and
// receives bytes; does not parse messages. Extended acknowledgements with text are enabled
// (NETLINK_EXT_ACK, NETLINK_CAP_ACK).
class Socket {
 public:
  // protocol: NETLINK_ROUTE, NETLINK_NETFILTER.
  explicit Socket(int protocol);
  // Takes over a bound netlink socket from another process. Its port ID does not change. Completes
  // an unfinished dump of that process, and discards its unread responses.
  static Socket adopt(base::UniqueFd fd);

  [[nodiscard]] int fd() const noexcept { return fd_.value(); }
  // The netlink port ID of this socket (getsockname), never 0.
  [[nodiscard]] std::uint32_t portId() const noexcept { return portId_; }
  // Never 0, which the kernel uses for notifications.
  std::uint32_t nextSequence() noexcept;

  void joinGroup(unsigned group);
  // Beyond the system limits if permitted (SO_SNDBUFFORCE, SO_RCVBUFFORCE), else up to them.
  void growSendBuffer(std::size_t bytes);
  void growReceiveBuffer(std::size_t bytes);

  // Sends one datagram. Throws Error (EMSGSIZE: larger than the send buffer).
  void send(std::span<const std::uint8_t> datagram);

  // Waits for one datagram from the kernel; discards datagrams from other senders. Returns nullopt
  // when the deadline has passed. The bytes are valid until the next call. Throws Error: ENOBUFS if
  // the kernel dropped messages for us or a datagram did not fit into the buffer (the caller must
  // start over or resync).
  std::optional<std::span<const std::uint8_t>> receive(
      std::chrono::steady_clock::time_point deadline);

 private:
  Socket(base::UniqueFd fd, std::uint32_t portId);
  void drain();
  base::UniqueFd fd_;
  std::uint32_t portId_ = 0;
  std::uint32_t sequence_ = 0;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace kpol::netlink
