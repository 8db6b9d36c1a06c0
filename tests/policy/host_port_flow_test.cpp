// SPDX-License-Identifier: Apache-2.0
#include "policy/host_port_flow.hpp"

#include "tests/support/policy_builders.hpp"

#include <gtest/gtest.h>

namespace kpol::policy {
namespace {

using test::ip;

class HostPortFlow : public ::testing::Test {
 protected:
  HostPortFlow() {
    Pod web;
    web.key = {"shop", "web"};
    web.phase = PodPhase::Running;
    snapshot_.pods = {web};
    snapshot_.nodeIps = {ip("10.96.0.1"), ip("192.0.2.1"), ip("192.0.2.9"), ip("2001:db8::1")};
    snapshot_.hostPortIps = {ip("192.0.2.1"), ip("192.0.2.9"), ip("2001:db8::1")};
    snapshot_.endpoints = {{web.key,
                            base::IfName::parse("kpol1").value(),
                            {ip("10.0.0.1"), ip("fd00::1")},
                            {{base::Protocol::Tcp, 8080, {}, 80},
                             {base::Protocol::Tcp, 7070, ip("10.96.0.1"), 70},
                             {base::Protocol::Udp, 53, ip("192.0.2.9"), 5353},
                             {base::Protocol::Tcp, 9090, ip("::"), 90}}}};
  }
  // "ADDRESS PORT", or an empty string.
  std::string leads(const char* to, std::uint8_t protocol, std::uint16_t port) const {
    const auto destination = ip(to);
    const auto source = ip(destination.isV4() ? "198.51.100.7" : "2001:db8::7");
    const auto flow = throughHostPorts(snapshot_, {source, destination, protocol, port});
    if (!flow) return "";
    EXPECT_EQ(flow->source, source);
    EXPECT_EQ(flow->protocol, protocol);
    return toString(flow->destination) + " " + std::to_string(flow->destinationPort);
  }

  Snapshot snapshot_;
};

TEST_F(HostPortFlow, IsForwardedByFamilyProtocolPortAndAddress) {
  EXPECT_EQ(leads("192.0.2.1", 6, 8080), "10.0.0.1 80");
  EXPECT_EQ(leads("192.0.2.9", 6, 8080), "10.0.0.1 80");
  EXPECT_EQ(leads("2001:db8::1", 6, 8080), "fd00::1 80");
  EXPECT_EQ(leads("192.0.2.9", 17, 53), "10.0.0.1 5353");
  EXPECT_EQ(leads("2001:db8::1", 6, 9090), "fd00::1 90");
}

TEST_F(HostPortFlow, AddressesOfServicesAreForwardedOnlyIfThePortNamesThem) {
  EXPECT_EQ(leads("10.96.0.1", 6, 8080), "");
  EXPECT_EQ(leads("10.96.0.1", 6, 7070), "10.0.0.1 70");
}

TEST_F(HostPortFlow, OtherPortsAreNotForwarded) {
  EXPECT_EQ(leads("192.0.2.1", 17, 8080), "");    // another protocol
  EXPECT_EQ(leads("192.0.2.1", 6, 8081), "");     // another port
  EXPECT_EQ(leads("192.0.2.1", 17, 53), "");      // another address of the node
  EXPECT_EQ(leads("192.0.2.1", 6, 9090), "");     // another family
  EXPECT_EQ(leads("198.51.100.1", 6, 8080), "");  // not the node
  EXPECT_EQ(leads("10.0.0.1", 6, 8080), "");      // the pod itself
}

TEST_F(HostPortFlow, IsNotForwardedToTerminatedUnknownOrOtherFamilyPods) {
  snapshot_.endpoints.front().ips = {ip("fd00::1")};
  EXPECT_EQ(leads("192.0.2.1", 6, 8080), "");
  EXPECT_EQ(leads("2001:db8::1", 6, 8080), "fd00::1 80");
  snapshot_.pods.front().phase = PodPhase::Succeeded;
  EXPECT_EQ(leads("2001:db8::1", 6, 8080), "");
  snapshot_.pods.clear();
  EXPECT_EQ(leads("2001:db8::1", 6, 8080), "");
}

}  // namespace
}  // namespace kpol::policy
