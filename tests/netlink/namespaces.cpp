// SPDX-License-Identifier: Apache-2.0
#include "tests/netlink/namespaces.hpp"

#include "base/error.hpp"
#include "tests/netlink/bytes.hpp"

#include <sched.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <optional>
#include <thread>

namespace kpol::netlink {
namespace {

RouteSocket socketIn(const Netns& netns) {
  const auto inside = netns.enter();
  return {};
}

}  // namespace

Netns makeNetns() {
  // Its own thread, which ends there: unshare(2) moves the thread that calls it.
  std::optional<Netns> made;
  int code = 0;
  std::thread([&] {
    if (::unshare(CLONE_NEWNET) == 0)
      made = Netns::current();
    else
      code = errno;
  }).join();
  if (!made) throw base::SystemError("unshare a network namespace", code);
  return std::move(*made);
}

VethPair vethInto(const Netns& pod) {
  return {.name = ifName("kpol0"),
          .mac = mac("02:00:00:00:00:01"),
          .peerName = ifName("eth0"),
          .peerMac = mac("02:00:00:00:00:02"),
          .mtu = 1450,
          .peerNetns = pod.fd(),
          .alias = "shop/web"};
}

NodeAndPod::NodeAndPod()
    : node_(makeNetns()),
      pod_(makeNetns()),
      inNode_(node_.enter()),
      socket_(),
      podSocket_(socketIn(pod_)) {}

base::IfIndex NodeAndPod::addUpVeth() {
  EXPECT_TRUE(socket_.addVeth(vethInto(pod_)));
  const auto own = socket_.findLink(ifName("kpol0")).value().index;
  socket_.setUp(own);
  podSocket_.setUp(podSocket_.findLink(ifName("eth0")).value().index);
  return own;
}

std::string output(const std::string& command) {
  std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "re");
  if (pipe == nullptr) throw base::SystemError(command, errno);
  std::string text;
  std::array<char, 4096> buffer{};
  while (const auto count = std::fread(buffer.data(), 1, buffer.size(), pipe))
    text.append(buffer.data(), count);
  EXPECT_EQ(::pclose(pipe), 0) << command << "\n" << text;
  return text;
}

}  // namespace kpol::netlink
