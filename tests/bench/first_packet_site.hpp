// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"
#include "netlink/netns.hpp"
#include "nft/kernel.hpp"

#include <cstdint>
#include <string>
#include <vector>

// A router with two pods behind it, each in a network namespace of its own, and traffic from the
// client to the server through the router. Everything a packet needs happens in the thread that
// sends it, so the time of that thread on the CPU is the packet's cost.
namespace kpol::bench {

inline constexpr const char* kClientIp = "10.0.0.1";
inline constexpr const char* kServerIp = "10.0.0.2";
inline constexpr const char* kClientInterface = "kpol00000000001";
inline constexpr const char* kServerInterface = "kpol00000000002";
inline constexpr std::uint16_t kPort = 9000;

// Nanoseconds that this thread spent on the CPU.
double threadTime();

class Site {
 public:
  Site();  // forwards and tracks connections, but has no filter
  Site(Site&&) = default;

  // In the router's namespace: a table of kpol's, or a command of the shell that reads `input`.
  void load(const nft::Ruleset& ruleset);
  void run(const std::string& command, const std::string& input);
  nft::Kernel& kernel() { return *kernel_; }

  // Nanoseconds for each of `packets` datagrams of 64 bytes with source ports never used since the
  // router last forgot all connections, which it does before.
  double firstPackets(unsigned packets);
  // The same for one flow with replies.
  double establishedPackets(unsigned packets);
  // Nanoseconds to make and end a TCP connection.
  double connections(unsigned count);

  // How many of `packets` first packets reach the server: all, or a variant measures its drops.
  unsigned arriving(unsigned packets);

 private:
  void connect(const char* interface, const char* ip, const netlink::Netns& pod, unsigned number);
  void openSockets();
  void forgetConnections();
  void send(unsigned packets, bool newPorts);

  netlink::Netns router_;
  netlink::Netns client_;
  netlink::Netns server_;
  std::unique_ptr<nft::Kernel> tracking_;
  std::unique_ptr<nft::Kernel> kernel_;
  base::UniqueFd conntrack_;
  base::UniqueFd raw_;
  base::UniqueFd udp_;
  base::UniqueFd listener_;
  std::uint16_t nextPort_ = 1024;
};

}  // namespace kpol::bench
