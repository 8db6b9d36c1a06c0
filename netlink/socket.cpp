// SPDX-License-Identifier: Apache-2.0
#include "netlink/socket.hpp"

#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

namespace kpol::netlink {
namespace {

using Clock = std::chrono::steady_clock;

// The kernel fills dump datagrams up to 32 KiB if the reader's buffer is that large
// (net/netlink/af_netlink.c netlink_dump), so this size needs the fewest reads.
constexpr std::size_t kReceiveBytes = 32768;
constexpr std::chrono::seconds kDrainTime{1};

[[noreturn]] void fail(const char* op) {
  throw Error(op, errno);
}

base::UniqueFd makeSocket(int protocol) {
  base::UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) fail("create a netlink socket");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (::bind(fd.value(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    fail("bind a netlink socket");
  return fd;
}

// The kernel chooses the port ID. It is not the process ID for a process's second socket.
std::uint32_t boundPort(int fd) {
  sockaddr_nl address{};
  socklen_t size = sizeof(address);
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0)
    fail("read the port ID of a netlink socket");
  if (address.nl_family != AF_NETLINK || address.nl_pid == 0)
    throw Error("adopt a descriptor that is not a bound netlink socket", EINVAL);
  return address.nl_pid;
}

int option(int fd, int level, int name) {
  int value = 0;
  socklen_t size = sizeof(value);
  if (::getsockopt(fd, level, name, &value, &size) != 0) fail("read a netlink socket option");
  return value;
}

bool setOption(int fd, int level, int name, int value) {
  return ::setsockopt(fd, level, name, &value, sizeof(value)) == 0;
}

struct BufferOptions {
  int size;
  int force;
};

void growBuffer(int fd, BufferOptions options, std::size_t bytes) {
  const int wanted = static_cast<int>(std::min<std::size_t>(bytes, INT_MAX / 2));
  // The kernel stores and reports twice the requested size (socket(7), SO_RCVBUF).
  if (option(fd, SOL_SOCKET, options.size) >= 2 * wanted) return;
  if (setOption(fd, SOL_SOCKET, options.force, wanted)) return;
  if (!setOption(fd, SOL_SOCKET, options.size, wanted)) fail("enlarge a netlink socket buffer");
}

// Returns false if the deadline passed first.
bool waitReadable(int fd, Clock::time_point deadline) {
  for (;;) {
    const auto now = Clock::now();
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(std::max(deadline, now) - now).count();
    pollfd entry{fd, POLLIN, 0};
    const int timeout = static_cast<int>(std::clamp<decltype(left)>(left, 0, INT_MAX));
    const int ready = ::poll(&entry, 1, timeout);
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) fail("wait for a netlink socket");
  }
}

}  // namespace

Socket::Socket(int protocol) : Socket(makeSocket(protocol), 0) {
  portId_ = boundPort(fd());
}

Socket::Socket(base::UniqueFd fd, std::uint32_t portId)
    : fd_(std::move(fd)),
      portId_(portId),
      // Not a fixed start: an adopted socket may still contain responses to requests of its
      // previous process.
      sequence_(static_cast<std::uint32_t>(Clock::now().time_since_epoch().count())) {
  if (!setOption(fd_.value(), SOL_NETLINK, NETLINK_EXT_ACK, 1) ||
      !setOption(fd_.value(), SOL_NETLINK, NETLINK_CAP_ACK, 1))
    fail("enable extended acknowledgements");
  // Kernels before 4.20 do not support this option and ignore dump filters. Readers filter again
  // anyway.
  setOption(fd_.value(), SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1);
}

Socket Socket::adopt(base::UniqueFd fd) {
  const std::uint32_t portId = boundPort(fd.value());
  Socket socket(std::move(fd), portId);
  socket.drain();
  return socket;
}

// A receive continues an unfinished dump (net/netlink/af_netlink.c netlink_recvmsg), without which
// each later dump would fail with EBUSY. Errors are those of the previous process. The time is
// limited, because any privileged process may send to our port.
void Socket::drain() {
  const auto deadline = Clock::now() + kDrainTime;
  std::uint8_t discarded = 0;
  do {
    if (::recv(fd(), &discarded, sizeof(discarded), MSG_DONTWAIT | MSG_TRUNC) < 0 &&
        errno == EAGAIN)
      return;
  } while (Clock::now() < deadline);
}

std::uint32_t Socket::nextSequence() noexcept {
  if (++sequence_ == 0) ++sequence_;
  return sequence_;
}

void Socket::joinGroup(unsigned group) {
  if (!setOption(fd(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, static_cast<int>(group)))
    fail("join a netlink group");
}

void Socket::growSendBuffer(std::size_t bytes) {
  growBuffer(fd(), {SO_SNDBUF, SO_SNDBUFFORCE}, bytes);
}

void Socket::growReceiveBuffer(std::size_t bytes) {
  growBuffer(fd(), {SO_RCVBUF, SO_RCVBUFFORCE}, bytes);
}

void Socket::send(std::span<const std::uint8_t> datagram) {
  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  while (::sendto(fd(), datagram.data(), datagram.size(), 0,
                  reinterpret_cast<const sockaddr*>(&kernel), sizeof(kernel)) < 0)
    if (errno != EINTR) fail("send to the kernel");
}

std::optional<std::span<const std::uint8_t>> Socket::receive(Clock::time_point deadline) {
  if (buffer_.empty()) buffer_.resize(kReceiveBytes);
  for (;;) {
    sockaddr_nl sender{};
    socklen_t senderSize = sizeof(sender);
    // rtnetlink and nfnetlink respond within send(), so the first read nearly always succeeds
    // without a call of poll. MSG_TRUNC returns the datagram's real size even if it did not fit.
    const ssize_t size = ::recvfrom(fd(), buffer_.data(), buffer_.size(), MSG_DONTWAIT | MSG_TRUNC,
                                    reinterpret_cast<sockaddr*>(&sender), &senderSize);
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) fail("receive from the kernel");
      if (!waitReadable(fd(), deadline)) return std::nullopt;
      continue;
    }
    if (sender.nl_pid != 0) continue;  // any process may send to our port
    const auto length = static_cast<std::size_t>(size);
    if (length <= buffer_.size()) return std::span<const std::uint8_t>(buffer_).first(length);
    buffer_.resize(length);  // so that the next attempt succeeds
    throw Error("receive a datagram larger than the buffer", ENOBUFS);
  }
}

}  // namespace kpol::netlink
