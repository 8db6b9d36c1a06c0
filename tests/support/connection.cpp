// SPDX-License-Identifier: Apache-2.0
#include "tests/support/connection.hpp"

#include <arpa/inet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

namespace kpol::test {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kPatience = 5000;  // for what must work

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  sockaddr* get() { return reinterpret_cast<sockaddr*>(&storage); }
};

Address addressOf(const base::IpAddress& ip, std::uint16_t port) {
  Address address;
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

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what + ": " + std::strerror(errno));
}

base::UniqueFd socketIn(const netlink::Netns& netns, const base::IpAddress& ip, int type,
                        int protocol = 0) {
  const auto inside = netns.enter();
  base::UniqueFd fd(::socket(ip.isV4() ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, protocol));
  if (!fd) fail("socket");
  const int on = 1;
  ::setsockopt(fd.value(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  return fd;
}

base::UniqueFd listenAt(const ConnectionHost& place, int type, std::uint16_t port) {
  auto fd = socketIn(place.netns, place.ip, type);
  auto address = addressOf(place.ip, port);
  if (::bind(fd.value(), address.get(), address.length) != 0) fail("bind");
  if (type == SOCK_STREAM && ::listen(fd.value(), 1) != 0) fail("listen");
  return fd;
}

base::UniqueFd connectTo(const ConnectionHost& place, int type, const base::IpAddress& to,
                         std::uint16_t port) {
  auto fd = socketIn(place.netns, place.ip, type);
  const timeval patience{kPatience / 1000, 0};
  ::setsockopt(fd.value(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  auto source = addressOf(place.ip, 0);
  if (::bind(fd.value(), source.get(), source.length) != 0) fail("bind");
  auto address = addressOf(to, port);
  if (::connect(fd.value(), address.get(), address.length) != 0) fail("connect");
  return fd;
}

// Reads what is there; returns whether it was anything.
bool drain(int fd) {
  std::array<char, 512> buffer{};
  bool some = false;
  while (::recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT) > 0) some = true;
  return some;
}

// Two connected sockets in this process.
class Pair : public Connection {
 public:
  Pair(base::UniqueFd client, base::UniqueFd server)
      : client_(std::move(client)), server_(std::move(server)) {}
  void send() override {
    ::send(client_.value(), "c", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    ::send(server_.value(), "s", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
  }
  unsigned received() override {
    return (drain(client_.value()) ? 1U : 0U) | (drain(server_.value()) ? 2U : 0U);
  }
  [[nodiscard]] unsigned sides() const override { return 3; }

 private:
  base::UniqueFd client_;
  base::UniqueFd server_;
};

class Echo : public Connection {
 public:
  Echo(base::UniqueFd fd, const base::IpAddress& to) : fd_(std::move(fd)), to_(to) {}
  void send() override {
    icmphdr packet{};
    packet.type = to_.isV4() ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
    packet.un.echo.id = htons(kIdentifier);
    packet.un.echo.sequence = htons(++sequence_);
    if (to_.isV4()) packet.checksum = checksumOf(packet);
    ::send(fd_.value(), &packet, sizeof packet, MSG_DONTWAIT);
  }
  unsigned received() override { return drain(fd_.value()) ? 1 : 0; }
  [[nodiscard]] unsigned sides() const override { return 1; }

 private:
  static std::uint16_t checksumOf(const icmphdr& packet) {
    std::array<std::uint16_t, sizeof packet / 2> words{};
    std::memcpy(words.data(), &packet, sizeof packet);
    std::uint32_t sum = 0;
    for (const auto word : words) sum += word;
    sum = (sum & 0xFFFFU) + (sum >> 16U);
    return static_cast<std::uint16_t>(~(sum + (sum >> 16U)));
  }
  static constexpr std::uint16_t kIdentifier = 4711;
  base::UniqueFd fd_;
  base::IpAddress to_;
  std::uint16_t sequence_ = 0;
};

std::unique_ptr<Connection> tried(std::unique_ptr<Connection> connection, const char* kind) {
  Connections one;
  one.push_back(std::move(connection));
  if (!allWork(one) && !allWork(one))  // the first packets may wait for neighbour discovery
    throw std::runtime_error(std::string("a new connection does not work: ") + kind);
  return std::move(one.front());
}

}  // namespace

bool allWork(const Connections& connections) {
  std::vector<unsigned> missing;
  for (const auto& connection : connections) {
    connection->received();  // what arrived before
    connection->send();
    missing.push_back(connection->sides());
  }
  const auto deadline = Clock::now() + std::chrono::milliseconds(kPatience);
  for (;;) {
    unsigned all = 0;
    for (std::size_t i = 0; i < connections.size(); ++i)
      all |= missing.at(i) &= ~connections.at(i)->received();
    if (all == 0) return true;
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

bool anyLeaks(const Connections& connections) {
  for (const auto& connection : connections) connection->received();
  for (const auto& connection : connections) connection->send();
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  unsigned all = 0;
  for (const auto& connection : connections) all |= connection->received();
  return all != 0;
}

std::unique_ptr<Connection> connectTcp(const ConnectionHost& client, const ConnectionHost& server,
                                       Target target) {
  const auto listener = listenAt(server, SOCK_STREAM, target.port);
  auto near = connectTo(client, SOCK_STREAM, target.to, target.toPort);
  base::UniqueFd far(::accept4(listener.value(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!far) fail("accept");
  return tried(std::make_unique<Pair>(std::move(near), std::move(far)), "TCP");
}

std::unique_ptr<Connection> connectUdp(const ConnectionHost& client, const ConnectionHost& server,
                                       Target target) {
  auto far = listenAt(server, SOCK_DGRAM, target.port);
  auto near = connectTo(client, SOCK_DGRAM, target.to, target.toPort);
  ::send(near.value(), "c", 1, 0);
  pollfd poll{far.value(), POLLIN, 0};
  Address from;
  from.length = sizeof from.storage;
  char byte = 0;
  if (::poll(&poll, 1, kPatience) != 1 ||
      ::recvfrom(far.value(), &byte, 1, 0, from.get(), &from.length) < 0 ||
      ::connect(far.value(), from.get(), from.length) != 0)
    fail("receive the first datagram");
  return tried(std::make_unique<Pair>(std::move(near), std::move(far)), "UDP");
}

std::unique_ptr<Connection> connectEcho(const ConnectionHost& client, const base::IpAddress& to) {
  auto fd = socketIn(client.netns, client.ip, SOCK_RAW, to.isV4() ? 1 : 58);
  if (!to.isV4()) {
    icmp6_filter filter{};
    ICMP6_FILTER_SETBLOCKALL(&filter);
    ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
    ::setsockopt(fd.value(), IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter);
  }
  auto address = addressOf(to, 0);
  if (::connect(fd.value(), address.get(), address.length) != 0) fail("connect");
  return tried(std::make_unique<Echo>(std::move(fd), to), "echo");
}

}  // namespace kpol::test
