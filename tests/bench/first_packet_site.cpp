// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/first_packet_site.hpp"

#include "base/error.hpp"
#include "netlink/route_socket.hpp"
#include "nft/diff.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <fstream>
#include <stdexcept>
#include <utility>

namespace kpol::bench {
namespace {

constexpr unsigned kBurst = 64;

int check(int result, const char* what) {
  if (result < 0) throw base::SystemError(what, errno);
  return result;
}

netlink::Netns makeNamespace() {
  const auto here = netlink::Netns::current();
  const auto back = here.enter();
  check(unshare(CLONE_NEWNET), "make a network namespace");
  netlink::RouteSocket socket;
  socket.setUp({1});
  return netlink::Netns::current();
}

void writeSysctl(const char* name, const char* value) {
  std::ofstream file(std::string("/proc/sys/net/") + name);
  if (!(file << value << std::flush)) throw std::runtime_error(std::string("cannot set ") + name);
}

base::IpAddress ipOf(const char* text) {
  return *base::IpAddress::parse(text);
}

sockaddr_in addressOf(const char* ip, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  inet_pton(AF_INET, ip, &address.sin_addr);
  return address;
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

base::UniqueFd openSocket(int domain, int type, int protocol) {
  return base::UniqueFd(check(socket(domain, type | SOCK_CLOEXEC, protocol), "open a socket"));
}

// 64 bytes of IPv4.
struct Datagram {
  iphdr ip;
  udphdr udp;
  std::array<char, 36> payload;
};
static_assert(sizeof(Datagram) == 64);

Datagram datagram() {
  Datagram packet{};
  packet.ip.version = 4;
  packet.ip.ihl = 5;
  packet.ip.ttl = 64;
  packet.ip.protocol = IPPROTO_UDP;
  packet.ip.tot_len = htons(sizeof packet);
  packet.ip.saddr = addressOf(kClientIp, 0).sin_addr.s_addr;
  packet.ip.daddr = addressOf(kServerIp, 0).sin_addr.s_addr;
  packet.udp.dest = htons(kPort);
  packet.udp.len = htons(sizeof packet - sizeof packet.ip);
  return packet;
}

// A table whose only purpose is that the kernel tracks connections.
nft::Ruleset trackingTable() {
  nft::Ruleset table;
  table.table = "tracking";
  const nft::Match established{
      {nft::Field::CtState}, false, nft::AnyBit{nft::ct_state::kEstablished}};
  table.add(nft::Chain{"unused", {}, {{{established}, {}}}});
  return table;
}

void commit(nft::Kernel& kernel, const nft::Ruleset& ruleset) {
  const auto outcome = kernel.commit(nft::diff(std::nullopt, ruleset));
  if (const auto* rejected = std::get_if<nft::Rejected>(&outcome))
    throw std::runtime_error(rejected->message);
}

}  // namespace

double threadTime() {
  timespec time{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

Site::Site() : router_(makeNamespace()), client_(makeNamespace()), server_(makeNamespace()) {
  {
    const auto guard = router_.enter();
    writeSysctl("ipv4/ip_forward", "1");
    conntrack_ = openSocket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    tracking_ = std::make_unique<nft::Kernel>(nft::Kernel::Options{"tracking", false});
    commit(*tracking_, trackingTable());
  }
  connect(kClientInterface, kClientIp, client_, 1);
  connect(kServerInterface, kServerIp, server_, 2);
  openSockets();
}

// As the plugin does it: a routed veth, a gateway of its link only, permanent neighbours.
void Site::connect(const char* interface, const char* ip, const netlink::Netns& pod,
                   unsigned number) {
  const auto name = *base::IfName::parse(interface);
  const auto eth0 = *base::IfName::parse("eth0");
  const auto outer = *base::MacAddress::parse("02:00:00:00:01:0" + std::to_string(number));
  const auto inner = *base::MacAddress::parse("02:00:00:00:02:0" + std::to_string(number));
  const auto gateway = ipOf("169.254.1.1");
  {
    const auto guard = router_.enter();
    netlink::RouteSocket socket;
    socket.addVeth({name, outer, eth0, inner, 0, pod.fd(), ""});
    const auto link = socket.findLink(name)->index;
    socket.setUp(link);
    netlink::Route route{base::Prefix::host(ipOf(ip)), {}, link, {}};
    route.scope = netlink::RouteScope::Link;
    socket.addRoute(route);
    socket.replaceNeighbour({link, ipOf(ip), inner});
  }
  const auto guard = pod.enter();
  netlink::RouteSocket socket;
  const auto link = socket.findLink(eth0)->index;
  socket.addAddress({link, ipOf(ip), 32, false});
  socket.setUp(link);
  netlink::Route route{*base::Prefix::parse("0.0.0.0/0"), gateway, link, {}};
  route.onLink = true;
  socket.addRoute(route);
  socket.replaceNeighbour({link, gateway, outer});
  socket.findLink(link);  // makes the kernel attach the queues of the new links now
  const auto back = router_.enter();
  netlink::RouteSocket().findLink(name);
}

void Site::openSockets() {
  {
    const auto guard = client_.enter();
    raw_ = openSocket(AF_INET, SOCK_RAW, IPPROTO_RAW);
    const auto server = addressOf(kServerIp, 0);
    check(::connect(raw_.value(), generic(server), sizeof server), "connect");
  }
  const auto guard = server_.enter();
  const auto any = addressOf("0.0.0.0", kPort);
  udp_ = openSocket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  check(bind(udp_.value(), generic(any), sizeof any), "bind");
  listener_ = openSocket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  check(bind(listener_.value(), generic(any), sizeof any), "bind");
  check(listen(listener_.value(), 16), "listen");
}

void Site::load(const nft::Ruleset& ruleset) {
  const auto guard = router_.enter();
  kernel_ = std::make_unique<nft::Kernel>(nft::Kernel::Options{});
  commit(*kernel_, ruleset);
}

void Site::run(const std::string& command, const std::string& input) {
  const auto guard = router_.enter();
  std::FILE* pipe = popen(command.c_str(), "w");
  if (pipe == nullptr) throw base::SystemError("run " + command, errno);
  std::fwrite(input.data(), 1, input.size(), pipe);
  if (pclose(pipe) != 0) throw std::runtime_error(command + " failed");
}

// ctnetlink: a delete request without attributes deletes all entries.
void Site::forgetConnections() {
  struct {
    nlmsghdr header;
    nfgenmsg generic;
  } request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8U) | IPCTNL_MSG_CT_DELETE;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
  request.generic.version = NFNETLINK_V0;
  check(static_cast<int>(::send(conntrack_.value(), &request, sizeof request, 0)),
        "flush conntrack");
  std::array<char, 4096> answer{};
  check(static_cast<int>(recv(conntrack_.value(), answer.data(), answer.size(), 0)),
        "flush conntrack");
}

void Site::send(unsigned packets, bool newPorts) {
  static std::array<Datagram, kBurst> datagrams;
  static std::array<iovec, kBurst> parts;
  static std::array<mmsghdr, kBurst> messages;
  for (unsigned sent = 0; sent < packets;) {
    const unsigned count = std::min(kBurst, packets - sent);
    for (unsigned i = 0; i < count; ++i) {
      datagrams[i] = datagram();
      datagrams[i].udp.source = htons(newPorts ? nextPort_ : std::uint16_t{1000});
      if (newPorts && ++nextPort_ > 60000) nextPort_ = 1024;
      parts[i] = {&datagrams[i], sizeof(Datagram)};
      messages[i] = {};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    sent += static_cast<unsigned>(
        check(sendmmsg(raw_.value(), messages.data(), count, 0), "send datagrams"));
  }
}

double Site::firstPackets(unsigned packets) {
  forgetConnections();
  const double start = threadTime();
  send(packets, true);
  return (threadTime() - start) / packets;
}

unsigned Site::arriving(unsigned packets) {
  std::array<char, 64> buffer{};
  const auto receive = [&] { return recv(udp_.value(), buffer.data(), buffer.size(), 0) >= 0; };
  while (receive()) {
  }
  firstPackets(packets);
  unsigned count = 0;
  while (receive()) ++count;
  return count;
}

double Site::establishedPackets(unsigned packets) {
  std::array<char, 64> buffer{};
  const auto receive = [&](sockaddr_in& from) {
    socklen_t size = sizeof from;
    return recvfrom(udp_.value(), buffer.data(), buffer.size(), 0,
                    reinterpret_cast<sockaddr*>(&from), &size);
  };
  forgetConnections();
  sockaddr_in client{};
  while (receive(client) >= 0) {
  }
  send(1, false);
  if (receive(client) < 0) throw std::runtime_error("the flow to be measured is not allowed");
  check(static_cast<int>(sendto(udp_.value(), "answer", 6, 0, generic(client), sizeof client)),
        "answer");
  send(1, false);
  const double start = threadTime();
  send(packets, false);
  return (threadTime() - start) / packets;
}

double Site::connections(unsigned count) {
  forgetConnections();
  const auto server = addressOf(kServerIp, kPort);
  const linger atOnce{1, 0};  // no TIME_WAIT
  const auto guard = client_.enter();
  const double start = threadTime();
  for (unsigned i = 0; i < count; ++i) {
    const auto client = openSocket(AF_INET, SOCK_STREAM, 0);
    check(::connect(client.value(), generic(server), sizeof server), "connect");
    const base::UniqueFd accepted(
        check(accept4(listener_.value(), nullptr, nullptr, SOCK_CLOEXEC), "accept"));
    check(setsockopt(client.value(), SOL_SOCKET, SO_LINGER, &atOnce, sizeof atOnce), "linger");
  }
  return (threadTime() - start) / count;
}

}  // namespace kpol::bench
