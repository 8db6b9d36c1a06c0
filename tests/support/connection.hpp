// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/unique_fd.hpp"
#include "netlink/netns.hpp"

#include <cstdint>
#include <memory>
#include <vector>

// Connections between namespaces that stay open while a test changes policies.
namespace kpol::test {

// A host of a connection: its namespace and its address.
struct ConnectionHost {
  netlink::Netns netns;
  base::IpAddress ip;
};

// One established flow. The constructors of its kinds return after a packet went in each direction,
// or throw std::runtime_error.
class Connection {
 public:
  Connection() = default;
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  virtual ~Connection() = default;

  // Sends something from each side.
  virtual void send() = 0;
  // The sides that have received something since the last call, one bit each.
  virtual unsigned received() = 0;
  // All bits of received().
  [[nodiscard]] virtual unsigned sides() const = 0;
};

using Connections = std::vector<std::unique_ptr<Connection>>;
// Sends on all of them. Returns whether all sides of all receive something, within five seconds.
bool allWork(const Connections& connections);
// Sends on all of them. Returns whether any side of any receives something, within 150 ms.
bool anyLeaks(const Connections& connections);

// `to`: where the client connects to; the server listens on `port` of its namespace, which `to` and
// `toPort` lead to.
struct Target {
  base::IpAddress to;
  std::uint16_t toPort = 0;
  std::uint16_t port = 0;
};
std::unique_ptr<Connection> connectTcp(const ConnectionHost& client, const ConnectionHost& server,
                                       Target target);
std::unique_ptr<Connection> connectUdp(const ConnectionHost& client, const ConnectionHost& server,
                                       Target target);
// Echo requests of one identifier; the kernel of the other side replies.
std::unique_ptr<Connection> connectEcho(const ConnectionHost& client, const base::IpAddress& to);

}  // namespace kpol::test
