// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/unique_fd.hpp"
#include "netlink/netns.hpp"
#include "policy/evaluate.hpp"

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

// Sends real packets between network namespaces and says which arrive.
namespace kpol::test {

// The ports that hosts of a prober answer on.
inline constexpr std::uint16_t kListenPorts[] = {1,   53,   79,   80,   81,    82,
                                                 443, 5353, 8080, 8081, 65534, 65535};

enum class Reach : std::uint8_t {
  None,    // nothing arrived
  OneWay,  // it arrived but no answer came back
  Both,    // it arrived and was answered
};

// One attempt: the first packet of `flow`, sent from the namespace of host `from`.
struct Attempt {
  std::string from;
  policy::Flow flow;
};

// Hosts are namespaces with listening sockets: TCP and UDP on kListenPorts (UDP is echoed), raw
// SCTP; the kernel itself answers echo requests. Raw sockets of the host see each request that gets
// in, also if its answer is lost. Every probe uses a source port (or echo
// identifier) that this process did not use before, so that no flow of an earlier probe lets it
// pass.
class Prober {
 public:
  void addHost(const std::string& name, const netlink::Netns& netns);
  // Another name for where to send from; the namespace has its listeners already.
  void addSender(const std::string& name, const netlink::Netns& netns);
  void removeHost(const std::string& name);

  // Sends all probes at once. Waits until `expected` of them that should arrive have, at most 5 s,
  // and then a moment longer for those that should not. SCTP and other protocols are not
  // answered: OneWay at most.
  std::vector<Reach> run(const std::vector<Attempt>& probes, const std::vector<bool>& expected);

 private:
  struct Listener {
    base::UniqueFd fd;
    std::uint8_t protocol = 0;
    bool raw = false;
  };
  struct Host {
    explicit Host(netlink::Netns ns) : netns(std::move(ns)) {}
    netlink::Netns netns;
    std::vector<Listener> listeners;
  };
  struct Pending;
  void serve();
  void serveUdp(int fd);
  void serveRaw(const Listener& listener);
  std::uint32_t requestIn(std::uint8_t protocol, std::span<const std::uint8_t> packet) const;
  Pending start(const Attempt& probe, std::uint32_t id);
  static bool answered(Pending& pending);

  std::map<std::string, Host> hosts_;
  static std::uint16_t nextPort();

  std::uint32_t nextId_ = 1;
  std::map<std::uint16_t, std::uint32_t> connecting_;  // source ports of TCP
  std::map<std::uint32_t, bool> arrived_;
};

}  // namespace kpol::test
