// SPDX-License-Identifier: Apache-2.0
#include "policy/changed_flows.hpp"

#include "policy/engine.hpp"
#include "policy/flow_verdicts.hpp"
#include "tests/support/policy_builders.hpp"

#include <gtest/gtest.h>

#include <ostream>
#include <string>

namespace kpol::policy {

void PrintTo(const FlowEffect& effect, std::ostream* out) {
  *out << (effect.tightens ? "tightens " : "") << (effect.loosens ? "loosens" : "");
}

namespace {

namespace t = kpol::test;

constexpr FlowEffect kNone{};

TEST(FlowEffect, OfAPolicyThatIsAddedOrRemoved) {
  const t::Rules some{t::anyPeer()};
  const t::Rules none;
  EXPECT_EQ(effectOf({nullptr, nullptr, true}), kNone);
  EXPECT_EQ(effectOf({nullptr, &some, false}), kTightens) << "the first policy isolates the pod";
  EXPECT_EQ(effectOf({nullptr, &some, true}), kLoosens) << "policies are additive";
  EXPECT_EQ(effectOf({nullptr, &none, true}), kNone);
  EXPECT_EQ(effectOf({&some, nullptr, false}), kLoosens);
  EXPECT_EQ(effectOf({&some, nullptr, true}), kTightens);
  EXPECT_EQ(effectOf({&none, nullptr, true}), kNone);
}

TEST(FlowEffect, OfAPolicyThatIsEdited) {
  const t::Rules a{t::anyPeer({t::port(80)})};
  const t::Rules b{t::anyPeer({t::port(81)})};
  const t::Rules both{a.front(), b.front()};
  const t::Rules reversed{b.front(), a.front()};
  EXPECT_EQ(effectOf({&a, &a, false}), kNone);
  EXPECT_EQ(effectOf({&both, &reversed, false}), kNone);
  EXPECT_EQ(effectOf({&a, &both, false}), kLoosens);
  EXPECT_EQ(effectOf({&both, &a, false}), kTightens);
  EXPECT_EQ(effectOf({&a, &b, false}), kTightensAndLoosens);
}

TEST(FlowEffect, OfAPodThatOtherPoliciesSelect) {
  const auto a = t::ingress("ns/a", t::everything());
  const auto b = t::ingress("ns/b", t::everything());
  using List = std::vector<const NetworkPolicy*>;
  EXPECT_EQ(effectOf(List{&a}, List{&a}), kNone);
  EXPECT_EQ(effectOf(List{}, List{&a}), kTightens);
  EXPECT_EQ(effectOf(List{&a}, List{}), kLoosens);
  EXPECT_EQ(effectOf(List{&a}, List{&a, &b}), kLoosens);
  EXPECT_EQ(effectOf(List{&a, &b}, List{&b}), kTightens);
  EXPECT_EQ(effectOf(List{&a}, List{&b}), kTightensAndLoosens);
}

TEST(ChangedFlows, AreThoseOfOneDirection) {
  ChangedFlows changed;
  EXPECT_TRUE(changed.empty());
  changed.add(t::ip("10.0.0.1"), Direction::Egress, kNone);
  EXPECT_TRUE(changed.empty());
  changed.add(t::ip("10.0.0.1"), Direction::Egress, kTightens);
  EXPECT_EQ(changed.on(t::ip("10.0.0.1"), t::ip("10.0.0.2")), kTightens);
  EXPECT_EQ(changed.on(t::ip("10.0.0.2"), t::ip("10.0.0.1")), kNone);
  ChangedFlows others;
  others.add(t::ip("10.0.0.2"), kLoosens);
  changed.add(others);
  EXPECT_EQ(changed.on(t::ip("10.0.0.1"), t::ip("10.0.0.2")), kTightensAndLoosens);
  EXPECT_EQ(changed.on(t::ip("10.0.0.2"), t::ip("10.0.0.9")), kLoosens);
}

TEST(ChangedFlows, TooManyAddressesBecomeAll) {
  ChangedFlows changed;
  auto address = t::ip("10.0.0.1");
  for (std::size_t i = 0; i < ChangedFlows::kMostAddresses; ++i) {
    changed.add(address, kTightens);
    address = *address.next();
  }
  EXPECT_FALSE(changed.all());
  changed.add(address, kTightens);
  EXPECT_TRUE(changed.all());
  EXPECT_TRUE(changed.addresses().empty());
  ChangedFlows sum;
  sum.add(t::ip("10.0.0.1"), kTightens);
  sum.add(changed);
  EXPECT_TRUE(sum.all());
  EXPECT_EQ(sum.on(t::ip("fd00::1"), t::ip("fd00::2")), kTightensAndLoosens);
}

// A local pod web and a pod elsewhere, both in namespace shop.
class EngineFlows : public ::testing::Test {
 protected:
  EngineFlows() : EngineFlows(MetadataGuard()) {}
  explicit EngineFlows(MetadataGuard guard) : engine_({PodToNode::Allow, std::move(guard)}) {
    engine_.put(web_);
    engine_.setEndpoints(web_.key, {{web_.key, *base::IfName::parse("kpol1"), web_.ips}});
    engine_.put(peer_);
    take();
  }
  static Pod podOf(const char* key, const char* label, const char* ip) {
    Pod pod;
    pod.key = t::keyOf(key);
    pod.phase = PodPhase::Running;
    pod.labels = t::labels({{"app", label}});
    pod.ips = {t::ip(ip)};
    return pod;
  }
  ChangedFlows take() {
    engine_.takeChanges();
    return engine_.takeChangedFlows();
  }
  FlowEffect onIngress(const ChangedFlows& changed) const {
    return changed.on(t::ip("192.0.2.9"), web_.ips.front());
  }
  FlowEffect onEgress(const ChangedFlows& changed) const {
    return changed.on(web_.ips.front(), t::ip("192.0.2.9"));
  }
  bool allows(const Flow& flow) const { return FlowVerdicts(engine_).allows(flow); }

  Pod web_ = podOf("shop/web", "web", "10.0.0.1");
  Pod peer_ = podOf("shop/peer", "peer", "10.0.1.1");
  Engine engine_;
};

TEST_F(EngineFlows, PoliciesConcernOneDirectionOfThePodsThatTheySelect) {
  engine_.put(t::ingress("shop/p", t::is("app", "web")));
  auto changed = take();
  EXPECT_EQ(onIngress(changed), kTightens);
  EXPECT_EQ(onEgress(changed), kNone);
  engine_.put(t::ingress("shop/q", t::is("app", "other")));
  EXPECT_TRUE(take().empty());
  engine_.put(t::ingress("shop/r", t::everything(), {t::anyPeer()}));
  EXPECT_EQ(onIngress(take()), kLoosens);
  engine_.removePolicy(t::keyOf("shop/r"));
  EXPECT_EQ(onIngress(take()), kTightens);
  engine_.removePolicy(t::keyOf("shop/p"));
  EXPECT_EQ(onIngress(take()), kLoosens);
}

TEST_F(EngineFlows, PodsThatLeaveASelectorConcernTheirAddress) {
  engine_.put(
      t::ingress("shop/p", t::is("app", "web"), {t::rule({t::pods(t::is("app", "peer"))})}));
  take();
  peer_.labels = t::labels({{"app", "changed"}});
  engine_.put(peer_);
  auto changed = take();
  EXPECT_EQ(changed.on(peer_.ips.front(), web_.ips.front()), kTightens);
  EXPECT_EQ(onIngress(changed), kNone);
  peer_.labels = t::labels({{"app", "peer"}});
  engine_.put(peer_);
  EXPECT_EQ(take().on(peer_.ips.front(), web_.ips.front()), kLoosens);
  peer_.ips = {t::ip("10.0.1.2")};
  engine_.put(peer_);
  changed = take();
  EXPECT_EQ(changed.on(t::ip("10.0.1.1"), web_.ips.front()), kTightens);
  EXPECT_EQ(changed.on(t::ip("10.0.1.2"), web_.ips.front()), kLoosens);
}

TEST_F(EngineFlows, RelabelledPodsAreSelectedByOtherPolicies) {
  engine_.put(t::egress("shop/p", t::is("app", "strict")));
  take();
  web_.labels = t::labels({{"app", "strict"}});
  engine_.put(web_);
  auto changed = take();
  EXPECT_EQ(onEgress(changed), kTightens);
  EXPECT_EQ(onIngress(changed), kNone);
  web_.labels = t::labels({{"app", "web"}});
  engine_.put(web_);
  EXPECT_EQ(onEgress(take()), kLoosens);
}

TEST_F(EngineFlows, RejectedProfilesConcernTheirPods) {
  engine_.put(t::ingress("shop/p", t::is("app", "web"), {t::anyPeer()}));
  take();
  const Flow flow{peer_.ips.front(), web_.ips.front(), 6, 80};
  EXPECT_TRUE(allows(flow));
  std::string profile;
  for (const auto& name : engine_.ruleset().counters)
    if (engine_.hasProfile(name)) profile = name;
  engine_.deny({profile});
  auto changed = take();
  EXPECT_TRUE(onIngress(changed).tightens);
  EXPECT_EQ(onEgress(changed), kNone);
  EXPECT_FALSE(allows(flow));
  EXPECT_TRUE(allows({web_.ips.front(), web_.ips.front(), 6, 80})) << "to itself";
  engine_.deny({});
  EXPECT_TRUE(onIngress(take()).loosens);
  EXPECT_TRUE(allows(flow));
}

TEST_F(EngineFlows, NewInterfacesHaveNone) {
  const Pod pod = podOf("shop/new", "web", "10.0.0.7");
  const std::vector<Endpoint> endpoints{{pod.key, *base::IfName::parse("kpol7"), pod.ips}};
  engine_.put(t::ingress("shop/p", t::is("app", "web")));
  engine_.put(pod);
  take();
  engine_.setEndpoints(pod.key, endpoints, Engine::Age::New);
  EXPECT_TRUE(take().empty());
  engine_.setEndpoints(pod.key, {});
  EXPECT_TRUE(take().on(t::ip("192.0.2.9"), pod.ips.front()).tightens);
  engine_.setEndpoints(pod.key, endpoints, Engine::Age::Unknown);
  EXPECT_TRUE(take().on(t::ip("192.0.2.9"), pod.ips.front()).tightens);
}

TEST_F(EngineFlows, OfTheNodesLoopbackAddressAreAllowed) {
  engine_.put(t::ingress("shop/p", t::is("app", "web")));
  take();
  EXPECT_FALSE(allows({t::ip("192.0.2.9"), web_.ips.front(), 6, 80}));
  EXPECT_TRUE(allows({t::ip("127.0.0.1"), web_.ips.front(), 6, 80}));
}

class GuardedFlows : public EngineFlows {
 protected:
  GuardedFlows() : EngineFlows({true, {}}) {}
};

TEST_F(GuardedFlows, ChangeWithTheNamespacesAccessToTheMetadataService) {
  engine_.put(Namespace{"shop", t::labels({{kMetadataAccessLabel, "allow"}})});
  EXPECT_TRUE(onEgress(take()).loosens);
  EXPECT_TRUE(allows({web_.ips.front(), t::ip("169.254.169.254"), 6, 80}));
  engine_.put(Namespace{"shop", {}});
  EXPECT_TRUE(onEgress(take()).tightens);
  EXPECT_FALSE(allows({web_.ips.front(), t::ip("169.254.169.254"), 6, 80}));
}

}  // namespace
}  // namespace kpol::policy
