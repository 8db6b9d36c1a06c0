// SPDX-License-Identifier: Apache-2.0
// What a node's processes send through VXLAN counts as the node's; the meaning, the compiled table
// and the engine must agree.
#include "policy/compile.hpp"
#include "policy/engine.hpp"
#include "policy/evaluate.hpp"
#include "policy/flow_verdicts.hpp"
#include "tests/support/interpreter.hpp"
#include "tests/support/policy_builders.hpp"

#include <gtest/gtest.h>

namespace kpol::policy {
namespace {

namespace t = kpol::test;

// Local pod shop/web, and another node with tunnels.
class NodeTunnels : public ::testing::Test {
 protected:
  NodeTunnels() {
    pod_.key = t::keyOf("shop/web");
    pod_.phase = PodPhase::Running;
    pod_.ips = {t::ip("10.0.0.1"), t::ip("fd00::1")};
    engine_.put(Namespace{"shop", {}});
    engine_.put(pod_);
    engine_.setEndpoints(pod_.key, {{pod_.key, *base::IfName::parse("kpol1"), pod_.ips}});
    network_.tunnels = {{t::ip("192.0.2.7"), t::ip("10.0.7.0")},
                        {t::ip("2001:db8::7"), t::ip("fd00:7::")}};
    engine_.setNetwork(network_);
  }
  void admit(const std::vector<Peer>& peers) {
    engine_.put(t::ingress("shop/p", t::everything(), {t::rule(peers)}));
    engine_.put(t::egress("shop/q", t::everything(), {t::rule(peers)}));
  }
  // By all of them, in both directions.
  bool passes(const char* peer) {
    const auto address = t::ip(peer);
    const auto own = address.isV4() ? pod_.ips[0] : pod_.ips[1];
    const Flow in{address, own, 6, 80};
    const bool allowed = nodeAllows(engine_.snapshot(), in);
    for (const auto& flow : {in, Flow{own, address, 6, 80}}) {
      const auto snapshot = engine_.snapshot();
      EXPECT_EQ(nodeAllows(snapshot, flow), allowed);
      EXPECT_EQ(t::passes(compile(snapshot).ruleset, snapshot, flow), allowed);
      EXPECT_EQ(t::passes(engine_.ruleset(), snapshot, flow), allowed);
      EXPECT_EQ(FlowVerdicts(engine_).allows(flow), allowed);
    }
    return allowed;
  }

  Pod pod_;
  NodeNetwork network_;
  Engine engine_{{}};
};

TEST_F(NodeTunnels, AreAdmittedWithTheNodesAddress) {
  admit({t::block(t::cidr("192.0.2.7/32")), t::block(t::cidr("2001:db8::/64"))});
  for (const char* peer : {"192.0.2.7", "10.0.7.0", "2001:db8::7", "fd00:7::"})
    EXPECT_TRUE(passes(peer)) << peer;
  for (const char* peer : {"192.0.2.8", "10.0.7.1", "fd00:7::1"})
    EXPECT_FALSE(passes(peer)) << peer;
}

TEST_F(NodeTunnels, AreNotAdmittedIfTheNodeIsExcepted) {
  admit({t::block(t::cidr("192.0.2.0/24"), {t::cidr("192.0.2.7/32")})});
  EXPECT_TRUE(passes("192.0.2.8"));
  EXPECT_FALSE(passes("10.0.7.0"));
  EXPECT_FALSE(passes("fd00:7::"));
}

TEST_F(NodeTunnels, ChangeWithTheNodes) {
  admit({t::block(t::cidr("192.0.2.7/32"))});
  engine_.takeChanges();
  engine_.takeChangedFlows();
  EXPECT_TRUE(passes("10.0.7.0"));
  network_.tunnels = {{t::ip("192.0.2.7"), t::ip("10.0.9.0")}};
  engine_.setNetwork(network_);
  EXPECT_FALSE(passes("10.0.7.0"));
  EXPECT_TRUE(passes("10.0.9.0"));
  const auto changed = engine_.takeChangedFlows();
  EXPECT_TRUE(changed.on(t::ip("10.0.7.0"), pod_.ips[0]).tightens);
  EXPECT_TRUE(changed.on(t::ip("10.0.9.0"), pod_.ips[0]).loosens);
}

}  // namespace
}  // namespace kpol::policy
