// SPDX-License-Identifier: Apache-2.0
// What pods leave behind, with the real kpold, the real plugin and the real kpolctl.
#include "ipam/lease_store.hpp"
#include "netlink/route_socket.hpp"
#include "tests/support/node.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <thread>

namespace kpol::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

NodeOptions quick() {
  NodeOptions options;
  options.ipv4 = "10.244.1.0/29";
  options.kpoldArguments = {"--collect-after", "1s"};
  return options;
}

class Collection : public testing::Test {
 protected:
  Collection() {
    for (const char* name : {"a", "b", "c"}) declare(name);
    node_.startKpold();
    node_.sync();
  }

  void declare(const std::string& name) {
    node_.apply(name + ".yaml", "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name +
                                    ", namespace: shop}\nspec: {containers: [{name: c}]}\n");
  }
  static std::string links() {
    std::string text;
    for (const auto& link : netlink::RouteSocket().links())
      if (link.name.text().starts_with("kpol")) text += link.alias + "\n";
    return text;
  }
  [[nodiscard]] ipam::LeaseBook book() const { return ipam::readLeases(node_.stateDirectory()); }
  [[nodiscard]] std::size_t attachments() const {
    return json::parse(node_.get("/v1/attachments")).at("items").size();
  }
  [[nodiscard]] std::string left() const {
    std::ostringstream text;
    text << attachments() << " attachments, " << book().leases.size() << " leases, "
         << book().departures.size() << " departures, links " << links();
    return text.str();
  }
  // Waits for it, generously.
  template <class Condition>
  static bool comes(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (!condition() && std::chrono::steady_clock::now() < deadline)
      std::this_thread::sleep_for(20ms);
    return condition();
  }
  bool nothingIsLeft() {
    return comes([&] { return left() == "0 attachments, 0 leases, 0 departures, links "; });
  }
  static base::ObjectKey pod(const std::string& name) { return {"shop", name}; }

  Node node_{quick()};
};

TEST_F(Collection, KpoldDeletesPendingReleasesOfDel) {
  for (const char* name : {"a", "b", "c"}) node_.add(pod(name));
  EXPECT_EQ(attachments(), 3U);
  for (const char* name : {"a", "b", "c"}) node_.del(pod(name));
  EXPECT_TRUE(nothingIsLeft()) << left();
}

TEST_F(Collection, PendingReleasesAreReusedAtOnceIfNoOtherAddressIsFree) {
  for (int round = 0; round < 8; ++round) {
    node_.add(pod("a"));
    node_.add(pod("b"));
    node_.del(pod("a"));
    node_.del(pod("b"));
  }
  EXPECT_TRUE(nothingIsLeft()) << left();
}

TEST_F(Collection, KpoldDeletesPendingReleasesAtStart) {
  node_.add(pod("a"));
  const auto link = [&] {
    for (const auto& each : netlink::RouteSocket().links())
      if (each.name.text().starts_with("kpol")) return each.index;
    return base::IfIndex{0};
  }();
  node_.stopKpold(SIGKILL);
  // As a DEL killed right after it recorded the departure.
  const auto id = book().leases.begin()->first;
  ASSERT_TRUE(ipam::LeaseStore::open(node_.stateDirectory()).depart(id, link));
  node_.startKpold();
  EXPECT_TRUE(comes([&] { return links().empty() && book().departures.empty(); })) << left();
  node_.del(pod("a"));
}

TEST_F(Collection, PodsWithoutDelAreCollected) {
  node_.add(pod("a"));
  node_.add(pod("b"));
  node_.find(pod("a"))->netns.reset();
  EXPECT_TRUE(comes([&] { return attachments() == 1 && book().leases.size() == 1; })) << left();
  EXPECT_EQ(book().leases.begin()->second.pod, pod("b")) << "the one that lives is kept";
  EXPECT_NE(node_.log().find("attachment collected"), std::string::npos);
  std::this_thread::sleep_for(3s);
  EXPECT_EQ(attachments(), 1U);
  node_.del(pod("b"));
  EXPECT_TRUE(nothingIsLeft()) << left();
}

TEST_F(Collection, IfbIsCollectedWithThePod) {
  node_.add(pod("a"), R"({"bandwidth":{"ingressRate":8000000,"ingressBurst":80000,)"
                      R"("egressRate":8000000,"egressBurst":80000}})");
  const auto limiters = [] {
    const auto all = netlink::RouteSocket().links();
    return std::count_if(all.begin(), all.end(),
                         [](const netlink::Link& link) { return link.kind == "ifb"; });
  };
  EXPECT_EQ(limiters(), 1);
  node_.find(pod("a"))->netns.reset();
  EXPECT_TRUE(comes([&] { return limiters() == 0; })) << left();
  EXPECT_TRUE(nothingIsLeft()) << left();
}

TEST_F(Collection, LeasesWithoutAttachmentAreCollected) {
  node_.add(pod("b"));
  // As an ADD killed between its lease and its link, whose runtime died too.
  ipam::LeaseStore::open(node_.stateDirectory())
      .add({{"dead", "eth0"}, "kpol", {}, 1, {base::IpAddress::parse("10.244.1.6").value()}});
  EXPECT_TRUE(comes([&] { return book().leases.size() == 1 && book().departures.empty(); }));
  node_.del(pod("b"));
  EXPECT_TRUE(nothingIsLeft()) << left();
}

TEST_F(Collection, StateOnDiskIsUsedAfterARestart) {
  node_.add(pod("a"));
  node_.add(pod("b"));
  node_.stopKpold(SIGKILL);
  const auto both = links();
  node_.find(pod("a"))->netns.reset();
  ASSERT_TRUE(comes([&] { return links() != both; })) << "the kernel deletes links with a delay";
  node_.startKpold();
  node_.sync();
  EXPECT_EQ(attachments(), 1U);
  EXPECT_TRUE(comes([&] { return book().leases.size() == 1; })) << left();
  node_.del(pod("b"));
  EXPECT_TRUE(nothingIsLeft()) << left();
}

TEST_F(Collection, ShowIpsListsTheLeases) {
  node_.add(pod("a"));
  const auto shown = json::parse(node_.kpolctl({"show", "ips", "-o", "json"}).out);
  ASSERT_EQ(shown.at("ranges").size(), 2U);
  EXPECT_EQ(shown.at("ranges")[0].at("subnet"), "10.244.1.0/29");
  EXPECT_EQ(shown.at("ranges")[0].at("used"), 1);
  EXPECT_EQ(shown.at("ranges")[0].at("free"), 5);
  ASSERT_EQ(shown.at("leases").size(), 2U);
  const auto& lease = shown.at("leases")[0];
  EXPECT_EQ(lease.at("address"), "10.244.1.1");
  EXPECT_EQ(lease.at("name"), "a");
  EXPECT_EQ(lease.at("state"), "held");
  EXPECT_EQ(lease.at("ifName"), "eth0");
  EXPECT_NE(node_.kpolctl({"show", "ips"}).out.find("10.244.1.1"), std::string::npos);
  EXPECT_NE(node_.kpolctl({"show", "ips", "-o", "yaml"}).out.find("10.244.1.1"), std::string::npos);
  // Also while an ADD allocates.
  const auto locked = ipam::LeaseStore::open(node_.stateDirectory());
  EXPECT_EQ(node_.kpolctl({"show", "ips"}).status, 0);
}

}  // namespace
}  // namespace kpol::test
