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

// One netlink socket in the network namespace the thread is in when it is made. Moves bytes; knows
// no message. Extended acknowledgements with their text are on (NETLINK_EXT_ACK, NETLINK_CAP_ACK).
class Socket {
 public:
  // protocol: NETLINK_ROUTE, NETLINK_NETFILTER.
  explicit Socket(int protocol);
  // Takes a bound netlink socket made by another process (its port ID stays).
  static Socket adopt(base::UniqueFd fd);

  [[nodiscard]] int fd() const noexcept { return fd_.value(); }
  // The kernel's name for this socket (getsockname), never 0.
  [[nodiscard]] std::uint32_t portId() const noexcept { return portId_; }
  // Never 0, which the kernel uses for its own notifications.
  std::uint32_t nextSequence() noexcept;

  void joinGroup(unsigned group);
  // Beyond the system's limits where we may (SO_SNDBUFFORCE, SO_RCVBUFFORCE), else up to them.
  void growSendBuffer(std::size_t bytes);
  void growReceiveBuffer(std::size_t bytes);

  // One datagram. Throws Error (EMSGSIZE: larger than the send buffer).
  void send(std::span<const std::uint8_t> datagram);

  // Waits for one datagram from the kernel; others' are dropped unread. Nothing when the deadline
  // passes. The bytes are valid until the next call. Throws Error: ENOBUFS when the kernel had to
  // drop messages for us (the caller must start over or resync).
  std::optional<std::span<const std::uint8_t>> receive(
      std::chrono::steady_clock::time_point deadline);

 private:
  Socket(base::UniqueFd fd, std::uint32_t portId);
  base::UniqueFd fd_;
  std::uint32_t portId_ = 0;
  std::uint32_t sequence_ = 0;
  std::vector<std::uint8_t> buffer_;
};

}  // namespace kpol::netlink
