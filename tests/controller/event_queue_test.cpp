// SPDX-License-Identifier: Apache-2.0
#include "controller/event_queue.hpp"

#include "controller/event_reporter.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using policy::Diagnostic;

ClusterEvent about(const std::string& policy) {
  return {ClusterEvent::Type::Warning,
          "networking.k8s.io/v1",
          "NetworkPolicy",
          {"shop", policy},
          "PolicyNotEnforced",
          "so it is"};
}

class EventQueueTest : public testing::Test {
 protected:
  static EventQueue::Options options() {
    EventQueue::Options options;
    options.repeatAfter = 10min;
    options.apart = 100ms;
    options.firstWait = 1s;
    options.longestWait = 4s;
    options.capacity = 3;
    return options;
  }
  std::string due() const {
    const auto event = queue.due(now);
    return event ? event->object.name : "";
  }

  EventQueue queue{options(), [] { return 0.0; }};
  EventQueue::Time now{1000s};
};

TEST_F(EventQueueTest, SendsEachOnceAndTheNextAPauseLater) {
  for (int i = 0; i < 5; ++i) {
    queue.add(about("a"), now);
    queue.add(about("b"), now);
  }
  EXPECT_EQ(due(), "a");
  queue.settled(true, now);
  EXPECT_EQ(due(), "");
  now += 100ms;
  EXPECT_EQ(due(), "b");
  queue.settled(true, now);
  now += 1min;
  queue.add(about("a"), now);
  EXPECT_EQ(due(), "");
  EXPECT_TRUE(queue.isEmpty());
  EXPECT_EQ(queue.counters().sent, 2U);
}

TEST_F(EventQueueTest, RepeatsEventsThatStillApply) {
  queue.add(about("a"), now);
  queue.settled(true, now);
  now += 9min;
  queue.add(about("a"), now);
  EXPECT_EQ(due(), "");
  now += 1min;
  queue.add(about("a"), now);
  EXPECT_EQ(due(), "a");
}

TEST_F(EventQueueTest, IncreasesTheDelayWhileSendingFails) {
  queue.add(about("a"), now);
  for (const auto wait : {1s, 2s, 4s, 4s}) {
    EXPECT_EQ(due(), "a");
    queue.failed(now);
    EXPECT_EQ(due(), "");
    now += wait;
  }
  EXPECT_EQ(due(), "a");
  queue.settled(true, now);
  EXPECT_EQ(queue.counters().failures, 4U);
}

TEST_F(EventQueueTest, DropsRejectedAndExcessEvents) {
  for (const char* name : {"a", "b", "c", "d"}) queue.add(about(name), now);
  EXPECT_EQ(queue.counters().dropped, 1U);
  queue.settled(false, now);
  EXPECT_EQ(queue.counters().dropped, 2U);
  now += 1s;
  EXPECT_EQ(due(), "b");
}

TEST(ClusterEvent, IsAValidEvent) {
  auto event = about("web");
  event.message = std::string(2000, 'x');
  EXPECT_EQ(pathOf(event), "/api/v1/namespaces/shop/events");
  const auto body = json::parse(bodyOf(event, "n1", std::chrono::sys_days{} + 24h));
  EXPECT_EQ(body.at("kind"), "Event");
  EXPECT_EQ(body.at("metadata"), json::parse(R"({"generateName":"kpold-","namespace":"shop"})"));
  EXPECT_EQ(body.at("involvedObject"),
            json::parse(R"({"apiVersion":"networking.k8s.io/v1","kind":"NetworkPolicy",)"
                        R"("name":"web","namespace":"shop"})"));
  EXPECT_EQ(body.at("type"), "Warning");
  EXPECT_EQ(body.at("reason"), "PolicyNotEnforced");
  EXPECT_EQ(body.at("message").get<std::string>().size(), 1024U);
  EXPECT_EQ(body.at("firstTimestamp"), "1970-01-02T00:00:00Z");
  EXPECT_EQ(body.at("source").at("host"), "n1");

  const ClusterEvent node{
      ClusterEvent::Type::Warning, "v1", "Node", {"", "n1"}, "TableRepaired", ""};
  EXPECT_EQ(pathOf(node), "/api/v1/namespaces/default/events");
  EXPECT_EQ(json::parse(bodyOf(node, "n1", {})).at("involvedObject").at("uid"), "n1");
}

TEST(EventsOf, HostFirewallEventsAreOfTheNode) {
  const node::FirewallFinding finding{"chain FORWARD of table ip filter",
                                      "drops packets that pods send", true,
                                      "iptables -P FORWARD ACCEPT"};
  const auto events = eventsOf({finding}, "n1");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, "Node");
  EXPECT_EQ(events[0].object, (base::ObjectKey{"", "n1"}));
  EXPECT_EQ(events[0].reason, "HostFirewallDropsPods");
  EXPECT_EQ(events[0].message,
            "chain FORWARD of table ip filter drops packets that pods send, even if policies "
            "allow them; remedy: iptables -P FORWARD ACCEPT");
}

TEST(EventsOf, AnotherNetworkConfigIsAnEventOfTheNode) {
  CniConfig::Status status{"/etc/cni/net.d/10-kpol.conflist", true, "", ""};
  EXPECT_TRUE(eventsOf(status, "n1").empty());
  status.shadowedBy = "/etc/cni/net.d/05-flannel.conflist";
  const auto events = eventsOf(status, "n1");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].object, (base::ObjectKey{"", "n1"}));
  EXPECT_EQ(events[0].reason, "OtherNetworkConfigUsed");
  EXPECT_EQ(events[0].message,
            "/etc/cni/net.d/05-flannel.conflist sorts before 10-kpol.conflist, so the container "
            "runtime uses that network for new pods, without kpol's policies; delete or rename "
            "/etc/cni/net.d/05-flannel.conflist");
}

TEST(EventsOf, ErrorsOfObjectsAreEvents) {
  const auto events = eventsOf({
      {Diagnostic::Severity::Error, "NetworkPolicy shop/web", "spec.ingress[0]", "is odd"},
      {Diagnostic::Severity::Warning, "NetworkPolicy shop/other", "", "is fine"},
      {Diagnostic::Severity::Error, "Namespace shop", "", "has an unknown label"},
      {Diagnostic::Severity::Error, "", "", "an attachment is lost"},
      {Diagnostic::Severity::Error, "policy.yaml", "", "is no YAML"},
  });
  ASSERT_EQ(events.size(), 2U);
  auto expected = about("web");
  expected.message = "spec.ingress[0]: is odd";
  EXPECT_EQ(events[0], expected);
  EXPECT_EQ(events[1].kind, "Namespace");
  EXPECT_EQ(events[1].object, (base::ObjectKey{"", "shop"}));
  EXPECT_EQ(events[1].message, "has an unknown label");
}

}  // namespace
}  // namespace kpol::controller
