// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/netns.hpp"
#include "netlink/route_socket.hpp"

#include <gtest/gtest.h>

namespace kpol::netlink {

// A new network namespace, gone with its last handle and socket. Its loopback device is down.
Netns makeNetns();

// The request of a node's socket for a veth pair "kpol0" here and "eth0" in `pod`.
VethPair vethInto(const Netns& pod);

// Each test is in a network namespace of its own ("the node") and has a second one ("the pod").
class NodeAndPod : public testing::Test {
 protected:
  NodeAndPod();

  // Adds the pair of vethInto(pod_), both ends up, and returns this end.
  base::IfIndex addUpVeth();

  Netns node_;
  Netns pod_;
  Netns::Guard inNode_;
  RouteSocket socket_;     // of the node
  RouteSocket podSocket_;  // of the pod
};

// Runs a command in the calling thread's network namespace and returns what it printed; for
// comparing with ip(8). A failing command fails the test.
std::string output(const std::string& command);

}  // namespace kpol::netlink
