// SPDX-License-Identifier: Apache-2.0
// Random clusters that change: what a plan promises, and that its steps lead there.
#include "node/held.hpp"
#include "node/plan.hpp"
#include "tests/support/addresses.hpp"
#include "tests/support/seed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

namespace kpol::node {
namespace {

using test::ip;

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint32_t below(std::uint32_t limit) {
    return std::uniform_int_distribution<std::uint32_t>(0, limit - 1)(engine_);
  }
  bool chance(std::uint32_t oneIn) { return below(oneIn) == 0; }

 private:
  std::mt19937_64 engine_;
};

// Few values, so that they meet often.
base::Prefix randomCidr(Random& random) {
  const auto digit = std::to_string(random.below(6));
  if (random.chance(3)) return *base::Prefix::make(ip("fd00:0:" + digit + "::"), 48);
  return *base::Prefix::make(ip("10.244." + digit + ".0"), 22 + random.below(4));
}

base::IpAddress randomAddress(Random& random) {
  const auto digit = std::to_string(1 + random.below(6));
  if (random.chance(8)) return ip("10.244." + digit + ".7");
  return ip(random.chance(3) ? "2001:db8::" + digit : "192.0.2." + digit);
}

constexpr base::IfIndex kEth0{2}, kWg0{3};

struct World {
  Settings settings;
  std::map<std::string, policy::Node> nodes;
  Host host;
};

void change(World& world, Random& random) {
  const std::string name(1, static_cast<char>('a' + random.below(6)));
  if (random.chance(6)) {
    world.nodes.erase(name);
  } else {
    policy::Node node{name, {}, {}, {}, {}};
    for (auto left = random.below(3); left > 0; --left) node.podCidrs.push_back(randomCidr(random));
    for (auto left = random.below(4); left > 0; --left)
      node.internalIps.push_back(randomAddress(random));
    world.nodes[name] = node;
  }
  if (random.chance(5)) world.settings.routing = static_cast<conf::Routing>(random.below(4));
  if (random.chance(5)) world.settings.mtu = random.chance(2) ? 0 : 1200 + random.below(400);
  if (random.chance(3)) {
    world.host.hops.clear();
    for (int i = 0; i < 8; ++i) {
      netlink::Hop hop{random.chance(4) ? kWg0 : kEth0, {}};
      if (random.chance(3)) hop.gateway = ip("192.0.2.254");
      world.host.hops.insert_or_assign(randomAddress(random), hop);
    }
    world.host.addresses = {{kEth0, randomAddress(random), 24}, {kEth0, ip("192.0.2.1"), 24}};
  }
}

World randomWorld() {
  World world;
  world.settings.nodeName = "a";
  world.settings.routing = conf::Routing::Auto;
  world.settings.vxlanId = 1;
  world.settings.vxlanPort = 4789;
  netlink::Link eth0{kEth0, *base::IfName::parse("eth0"), "", 1500, base::MacAddress{}, true, "",
                     {}};
  netlink::Link wg0{kWg0, *base::IfName::parse("wg0"), "wireguard", 1420, {}, true, "", {}};
  world.host.links = {{kEth0, eth0}, {kWg0, wg0}};
  return world;
}

// The kernel's state after one step, according to its rules: a route, a neighbour or an FDB entry
// needs its link, and is deleted with it.
struct Kernel {
  Held held;
  std::int32_t nextIndex = 10;

  base::IfIndex device() const {
    EXPECT_TRUE(held.device) << "a step on a device that is not there";
    return held.device ? held.device->index : base::IfIndex{0};
  }
  void operator()(const MakeDevice& step) {
    EXPECT_FALSE(held.device);
    held.device = Held::Device{{nextIndex++}, step.vxlan, false};
  }
  void operator()(const DeleteDevice&) {
    const auto index = device();
    std::erase_if(held.routes, [&](const auto& entry) { return entry.second.link == index; });
    held.device.reset();
    held.deviceAddresses.clear();
    held.neighbours.clear();
    held.forwarding.clear();
  }
  void operator()(const SetDeviceMtu& step) { device(), held.device->vxlan.mtu = step.mtu; }
  void operator()(const SetDeviceUp&) { device(), held.device->up = true; }
  void operator()(const AddDeviceAddress& step) {
    device();
    EXPECT_TRUE(held.deviceAddresses.insert(step.address).second);
  }
  void operator()(const DeleteDeviceAddress& step) {
    EXPECT_EQ(held.deviceAddresses.erase(step.address), 1U);
  }
  void operator()(const PutNeighbour& step) { device(), held.neighbours[step.address] = step.mac; }
  void operator()(const DeleteNeighbour& step) {
    EXPECT_EQ(held.neighbours.erase(step.address), 1U);
  }
  void operator()(const PutForwarding& step) {
    device(), held.forwarding[step.mac] = step.destination;
  }
  void operator()(const DeleteForwarding& step) { EXPECT_EQ(held.forwarding.erase(step.mac), 1U); }
  void put(netlink::Route route) {
    if (isThroughDevice(route)) {
      route.link = device();
      EXPECT_TRUE(held.device->up) << "a route by a device that is down";
      EXPECT_TRUE(held.neighbours.contains(*route.gateway)) << "an unknown gateway";
    }
    held.routes.insert_or_assign(route.destination, route);
  }
  void operator()(const AddRoute& step) {
    EXPECT_FALSE(held.routes.contains(step.route.destination));
    put(step.route);
  }
  void operator()(const ReplaceRoute& step) {
    EXPECT_TRUE(held.routes.contains(step.route.destination)) << "not one of ours";
    put(step.route);
  }
  void operator()(const DeleteRoute& step) { EXPECT_EQ(held.routes.erase(step.destination), 1U); }
  void operator()(const DeleteStray&) {
    held.strayRoutes.clear();
    held.strayForwarding.clear();
    held.strayAddresses.clear();
  }
};

void expectSound(const Plan& plan, const World& world) {
  for (auto one = plan.holders.begin(); one != plan.holders.end(); ++one) {
    EXPECT_TRUE(world.nodes.contains(one->second));
    const auto next = std::next(one);
    if (next == plan.holders.end()) break;
    EXPECT_LT(one->first.last(), next->first.first()) << "two nodes share addresses";
  }
  for (const auto& [destination, route] : plan.routes) {
    ASSERT_TRUE(plan.holders.contains(destination));
    EXPECT_EQ(plan.holders.at(destination) == world.settings.nodeName, route.unreachable);
    for (const auto& address : plan.nodeAddresses)
      EXPECT_FALSE(destination.contains(address)) << "a node behind itself";
    if (!isThroughDevice(route)) continue;
    ASSERT_TRUE(plan.neighbours.contains(*route.gateway));
    EXPECT_TRUE(plan.forwarding.contains(plan.neighbours.at(*route.gateway)));
  }
  EXPECT_EQ(plan.device.has_value() || plan.neighbours.empty(), true);
  // No node is omitted without a diagnostic.
  for (const auto& peer : plan.peers) {
    if (peer.how != PeerRoute::How::None) continue;
    EXPECT_TRUE(std::ranges::any_of(plan.diagnostics,
                                    [&](const auto& diagnostic) {
                                      return diagnostic.object == "Node " + peer.node ||
                                             diagnostic.object == "Node " + world.settings.nodeName;
                                    }))
        << peer.node << " " << toString(peer.cidr);
  }
}

TEST(NodePlan, IsConsistentAndItsStepsReachIt) {
  Random random(test::seedOfThisRun());
  std::size_t routes = 0, byVxlan = 0, steps = 0, incomplete = 0;
  for (int run = 0; run < 200; ++run) {
    World world = randomWorld();
    Kernel kernel;
    Plan before;
    for (int i = 0; i < 40; ++i) {
      change(world, random);
      const auto plan = makePlan(world.settings, world.nodes, world.host, before);
      before = plan;
      if (!plan.complete) {
        ++incomplete;
        EXPECT_TRUE(plan.routes.empty());
        continue;
      }
      expectSound(plan, world);
      const auto todo = stepsTo(plan, kernel.held);
      for (const auto& step : todo) std::visit([&](const auto& one) { kernel(one); }, step);
      ASSERT_EQ(stepsTo(plan, kernel.held).size(), 0U) << "run " << run << " change " << i;
      ASSERT_EQ(kernel.held.routes.size(), plan.routes.size());
      EXPECT_EQ(kernel.held.neighbours, plan.neighbours);
      EXPECT_EQ(kernel.held.forwarding, plan.forwarding);
      const auto again = makePlan(world.settings, world.nodes, world.host, before);
      EXPECT_EQ(again.holders, plan.holders) << "the same cluster, another plan";
      routes += plan.routes.size();
      byVxlan += plan.forwarding.size();
      steps += todo.size();
    }
  }
  EXPECT_GT(routes, 1000U);
  EXPECT_GT(byVxlan, 500U);
  EXPECT_GT(incomplete, 50U);
  // The cost of a change depends on its size.
  EXPECT_LT(steps, routes + 8 * byVxlan);
}

}  // namespace
}  // namespace kpol::node
