// SPDX-License-Identifier: Apache-2.0
#include "tests/support/prober.hpp"

#include "base/error.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace kpol::test {
namespace {

using Clock = std::chrono::steady_clock;

int check(int result, const char* what) {
  if (result < 0) throw base::SystemError(what, errno);
  return result;
}

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t length = 0;
  [[nodiscard]] const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

SocketAddress socketAddress(const base::IpAddress& ip, std::uint16_t port) {
  SocketAddress address;
  if (ip.isV4()) {
    auto* in = reinterpret_cast<sockaddr_in*>(&address.storage);
    in->sin_family = AF_INET;
    in->sin_port = htons(port);
    std::memcpy(&in->sin_addr, ip.bytes().data(), 4);
    address.length = sizeof *in;
  } else {
    auto* in = reinterpret_cast<sockaddr_in6*>(&address.storage);
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(port);
    std::memcpy(&in->sin6_addr, ip.bytes().data(), 16);
    address.length = sizeof *in;
  }
  return address;
}

base::UniqueFd openSocket(int family, int type, int protocol) {
  return base::UniqueFd(
      check(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol), "open a probe socket"));
}

void setOption(int fd, int level, int name, int value) {
  check(setsockopt(fd, level, name, &value, sizeof value), "set a socket option");
}

base::UniqueFd listenOn(int type, std::uint16_t port) {
  auto fd = openSocket(AF_INET6, type, 0);
  setOption(fd.value(), SOL_SOCKET, SO_REUSEADDR, 1);
  setOption(fd.value(), IPPROTO_IPV6, IPV6_V6ONLY, 0);
  if (type == SOCK_DGRAM) setOption(fd.value(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(port);
  check(bind(fd.value(), reinterpret_cast<sockaddr*>(&any), sizeof any), "bind a listener");
  if (type == SOCK_STREAM) check(listen(fd.value(), 512), "listen");
  return fd;
}

constexpr std::array<char, 4> kMagic{'k', 'p', 'o', 'l'};

std::array<char, 8> payloadOf(std::uint32_t id) {
  std::array<char, 8> payload{};
  std::memcpy(payload.data(), kMagic.data(), 4);
  std::memcpy(payload.data() + 4, &id, 4);
  return payload;
}

// The probe's number in a datagram whose last bytes are a payload; 0 when it is none of ours.
std::uint32_t idIn(const char* data, std::size_t size) {
  std::uint32_t id = 0;
  if (size < 8 || std::memcmp(data + size - 8, kMagic.data(), 4) != 0) return 0;
  std::memcpy(&id, data + size - 4, 4);
  return id;
}

}  // namespace

struct Prober::Pending {
  std::uint32_t id = 0;
  std::uint8_t protocol = 0;
  base::UniqueFd fd;
  bool done = false;
  bool failed = false;
};

void Prober::addHost(const std::string& name, const netlink::Netns& netns) {
  const auto guard = netns.enter();
  Host host(netlink::Netns::current());
  for (const auto port : kListenPorts) {
    host.listeners.push_back({listenOn(SOCK_STREAM, port), IPPROTO_TCP});
    host.listeners.push_back({listenOn(SOCK_DGRAM, port), IPPROTO_UDP});
  }
  const auto watch = [&](int family, std::uint8_t protocol) {
    host.listeners.push_back({openSocket(family, SOCK_RAW, protocol), protocol, true});
  };
  for (const int family : {AF_INET, AF_INET6}) {
    watch(family, IPPROTO_SCTP);
    watch(family, IPPROTO_TCP);
    watch(family, static_cast<std::uint8_t>(family == AF_INET ? 1 : 58));  // echo
  }
  hosts_.insert_or_assign(name, std::move(host));
}

void Prober::addSender(const std::string& name, const netlink::Netns& netns) {
  const auto guard = netns.enter();
  hosts_.insert_or_assign(name, Host(netlink::Netns::current()));
}

void Prober::removeHost(const std::string& name) {
  hosts_.erase(name);
}

void Prober::serveUdp(int fd) {
  std::array<char, 256> buffer{};
  while (true) {
    sockaddr_storage peer{};
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<char, 256> control{};
    msghdr message{&peer, sizeof peer, &part, 1, control.data(), control.size(), 0};
    const auto size = recvmsg(fd, &message, 0);
    if (size < 0) return;
    arrived_[idIn(buffer.data(), static_cast<std::size_t>(size))] = true;
    // Reply from the address to which it was sent, which the control message contains.
    part.iov_len = static_cast<std::size_t>(size);
    sendmsg(fd, &message, 0);
  }
}

// The number of the probe whose request a packet is; 0 if it is none. `packet` begins with the
// transport header.
std::uint32_t Prober::requestIn(std::uint8_t protocol, std::span<const std::uint8_t> packet) const {
  constexpr std::uint8_t kSyn = 0x02;
  constexpr std::uint8_t kSynAck = 0x12;
  if (protocol == IPPROTO_TCP) {
    if (packet.size() < 20 || (packet[13] & kSynAck) != kSyn) return 0;
    const auto probe = connecting_.find(static_cast<std::uint16_t>(packet[0] << 8U | packet[1]));
    return probe == connecting_.end() ? 0 : probe->second;
  }
  // Neither replies nor errors, which quote the request to its sender.
  const bool isOther = (protocol == IPPROTO_ICMP && packet[0] != 8) ||
                       (protocol == IPPROTO_ICMPV6 && packet[0] != 128);
  return isOther ? 0 : idIn(reinterpret_cast<const char*>(packet.data()), packet.size());
}

void Prober::serveRaw(const Listener& listener) {
  std::array<std::uint8_t, 256> buffer{};
  sockaddr_storage from{};
  while (true) {
    socklen_t length = sizeof from;
    const auto size = recvfrom(listener.fd.value(), buffer.data(), buffer.size(), 0,
                               reinterpret_cast<sockaddr*>(&from), &length);
    if (size < 0) return;
    // With IPv4 the IP header comes first (raw(7)).
    const std::size_t header = from.ss_family == AF_INET ? (buffer[0] & 0x0FU) * 4U : 0U;
    const std::span packet(buffer.data(), static_cast<std::size_t>(size));
    if (packet.size() > header)
      arrived_[requestIn(listener.protocol, packet.subspan(header))] = true;
  }
}

void Prober::serve() {
  for (auto& [name, host] : hosts_)
    for (auto& listener : host.listeners) {
      if (listener.raw)
        serveRaw(listener);
      else if (listener.protocol == IPPROTO_UDP)
        serveUdp(listener.fd.value());
      else
        while (base::UniqueFd(accept4(listener.fd.value(), nullptr, nullptr, SOCK_CLOEXEC))) {
        }
    }
}

std::uint16_t Prober::nextPort() {
  static std::uint16_t port = 20000;
  if (++port > 65000) port = 20000;
  return port;
}

Prober::Pending Prober::start(const Attempt& probe, std::uint32_t id) {
  const auto& flow = probe.flow;
  const auto host = hosts_.find(probe.from);
  if (host == hosts_.end()) throw std::invalid_argument("no host " + probe.from);
  const auto guard = host->second.netns.enter();
  const int family = flow.source.isV4() ? AF_INET : AF_INET6;
  const bool ported = flow.protocol == IPPROTO_TCP || flow.protocol == IPPROTO_UDP;
  const int type = flow.protocol == IPPROTO_TCP   ? SOCK_STREAM
                   : flow.protocol == IPPROTO_UDP ? SOCK_DGRAM
                                                  : SOCK_RAW;
  Pending pending{id, flow.protocol, openSocket(family, type, flow.protocol), false, false};
  const int fd = pending.fd.value();
  const auto port = nextPort();
  if (flow.protocol == IPPROTO_TCP) connecting_[port] = id;
  const auto local = socketAddress(flow.source, ported ? port : std::uint16_t{0});
  setOption(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  check(bind(fd, local.get(), local.length), "bind a probe");
  const auto remote =
      socketAddress(flow.destination, ported ? flow.destinationPort : std::uint16_t{0});
  if (connect(fd, remote.get(), remote.length) < 0 && errno != EINPROGRESS)
    throw base::SystemError("connect to " + toString(flow.destination), errno);

  const auto payload = payloadOf(id);
  if (flow.protocol == IPPROTO_UDP) {
    send(fd, payload.data(), payload.size(), MSG_NOSIGNAL);
  } else if (flow.protocol == IPPROTO_ICMP || flow.protocol == IPPROTO_ICMPV6) {
    // Echo request; the identifier is the probe's own. ICMPv6's checksum is the kernel's work.
    std::array<std::uint8_t, 16> echo{};
    echo[0] = flow.protocol == IPPROTO_ICMP ? 8 : 128;
    echo[4] = static_cast<std::uint8_t>(port >> 8U);
    echo[5] = static_cast<std::uint8_t>(port & 0xFFU);
    std::memcpy(echo.data() + 8, payload.data(), 8);
    if (flow.protocol == IPPROTO_ICMP) {
      std::uint32_t sum = 0;
      for (std::size_t i = 0; i < echo.size(); i += 2) sum += echo[i] * 256U + echo[i + 1];
      while (sum > 0xFFFFU) sum = (sum & 0xFFFFU) + (sum >> 16U);
      echo[2] = static_cast<std::uint8_t>((~sum & 0xFFFFU) >> 8U);
      echo[3] = static_cast<std::uint8_t>(~sum & 0xFFU);
    }
    send(fd, echo.data(), echo.size(), MSG_NOSIGNAL);
  } else if (flow.protocol != IPPROTO_TCP) {
    // Ports where TCP, UDP and SCTP have them, then what SCTP's header needs, then the payload.
    std::array<std::uint8_t, 20> bytes{};
    bytes[0] = static_cast<std::uint8_t>(port >> 8U);
    bytes[1] = static_cast<std::uint8_t>(port & 0xFFU);
    bytes[2] = static_cast<std::uint8_t>(flow.destinationPort >> 8U);
    bytes[3] = static_cast<std::uint8_t>(flow.destinationPort & 0xFFU);
    std::memcpy(bytes.data() + 12, payload.data(), 8);
    send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  }
  return pending;
}

// Whether a reply has arrived: a TCP handshake that succeeded or was refused, or an echo.
bool Prober::answered(Pending& pending) {
  pollfd state{pending.fd.value(), POLLIN | POLLOUT, 0};
  if (poll(&state, 1, 0) <= 0) return false;
  if (pending.protocol == IPPROTO_TCP) {
    int error = 0;
    socklen_t size = sizeof error;
    getsockopt(pending.fd.value(), SOL_SOCKET, SO_ERROR, &error, &size);
    // An error ends the attempt (an ICMP error does), and reading it clears it.
    if (error != 0) pending.failed = error != ECONNREFUSED;
    return !pending.failed && (error != 0 || (state.revents & POLLOUT) != 0);
  }
  std::array<char, 256> buffer{};
  while (true) {
    const auto size = recv(pending.fd.value(), buffer.data(), buffer.size(), 0);
    if (size < 0) return false;
    if (idIn(buffer.data(), static_cast<std::size_t>(size)) != pending.id) continue;
    // A raw ICMP socket also sees requests that others send to this host.
    const std::size_t header = pending.protocol == IPPROTO_ICMP ? 20 : 0;
    const auto kind = static_cast<std::uint8_t>(buffer[header]);
    if (pending.protocol == IPPROTO_UDP || kind == 0 || kind == 129) return true;
  }
}

std::vector<Reach> Prober::run(const std::vector<Attempt>& probes,
                               const std::vector<bool>& expected) {
  using namespace std::chrono_literals;
  arrived_.clear();
  connecting_.clear();
  std::vector<Pending> pending;
  pending.reserve(probes.size());
  for (const auto& probe : probes) {
    pending.push_back(start(probe, nextId_++));
    if (pending.size() % 16 == 0) serve();
  }
  const auto reachOf = [&](Pending& p) {
    const bool isAnswered = p.protocol == IPPROTO_TCP || p.protocol == IPPROTO_UDP ||
                            p.protocol == IPPROTO_ICMP || p.protocol == IPPROTO_ICMPV6;
    if (isAnswered && !p.done) p.done = answered(p);
    if (p.done) return Reach::Both;
    return arrived_.contains(p.id) ? Reach::OneWay : Reach::None;
  };
  const auto finished = [&] {
    for (std::size_t i = 0; i < pending.size(); ++i) {
      const auto reach = reachOf(pending[i]);
      const bool enough =
          pending[i].protocol == IPPROTO_SCTP ? reach == Reach::OneWay : reach == Reach::Both;
      if (expected[i] && !enough) return false;
    }
    return true;
  };
  for (const auto deadline = Clock::now() + 5s; Clock::now() < deadline;) {
    serve();
    if (finished()) break;
    std::this_thread::sleep_for(2ms);
  }
  std::this_thread::sleep_for(40ms);  // what should not arrive has had its time
  serve();
  std::vector<Reach> result;
  result.reserve(pending.size());
  for (auto& p : pending) result.push_back(reachOf(p));
  return result;
}

}  // namespace kpol::test
