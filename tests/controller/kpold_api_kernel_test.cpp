// SPDX-License-Identifier: Apache-2.0
// The kpold binary in a network namespace of its own, with an API server over TLS.
#include "control/client.hpp"
#include "netlink/route_socket.hpp"
#include "tests/controller/cluster_api.hpp"
#include "tests/controller/temporary_directory.hpp"
#include "tests/controller/values.hpp"
#include "tests/support/exposition_text.hpp"
#include "tests/support/process.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <csignal>
#include <thread>

namespace kpol::controller {
namespace {

using test::ClusterApi;
using test::kNodeRest;
using test::kToken;

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using nlohmann::json;
using test::Background;

const auto kApiWeb = attachment("c1", "web", "kpolweb", "10.0.0.1", "u1");

std::string podRest(const std::string& uid) {
  return R"("namespace":"shop","uid":")" + uid +
         R"(","labels":{"app":"web"}},"spec":{"containers":[{"name":"c"}]})";
}
const char* const kPolicyRest =
    R"("namespace":"shop"},"spec":{"podSelector":{"matchLabels":{"app":"web"}},)"
    R"("ingress":[{"from":[{"ipBlock":{"cidr":"10.1.0.0/16"}}]}]})";

const char* const kTaintedNodeRest =
    R"("uid":"n"},"spec":{"podCIDR":"10.0.0.0/24","taints":[)"
    R"({"key":"node.kubernetes.io/network-unavailable","effect":"NoSchedule"}]})";

class KpoldApiTest : public testing::Test {
 protected:
  KpoldApiTest() {
    netlink::RouteSocket routes;
    auto lo = *routes.findLink(*base::IfName::parse("lo"));
    routes.setUp(lo.index);
    routes.addVeth(
        {kApiWeb.hostInterface, mac(1), *base::IfName::parse("peer"), mac(2), 0, -1, ""});
    directory.write("token", kToken);
    directory.write("ca", cluster.authority());
    writeKubeconfig("certificate-authority: ca");
    cluster.inside([this] {
      cluster.namespaces.put("shop", R"("labels":{"kubernetes.io/metadata.name":"shop"}})");
      cluster.pods.put("web", podRest("u1"));
      cluster.policies.put("allow-web", kPolicyRest);
    });
  }
  ~KpoldApiTest() override {
    kpold.reset();
    netlink::RouteSocket().deleteLink(kApiWeb.hostInterface);
    test::run({"nft", "delete", "table", "inet", "kpol"});
  }

  static base::MacAddress mac(std::uint8_t last) { return {{2, 0, 0, 0, 9, last}}; }

  void writeKubeconfig(const std::string& tls) const {
    directory.write("kubeconfig",
                    "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
                    "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
                    "clusters: [{name: k, cluster: {server: 'https://127.0.0.1:" +
                        std::to_string(cluster.port()) + "', " + tls +
                        "}}]\nusers: [{name: u, user: {tokenFile: token}}]\n");
  }
  std::vector<std::string> command(const std::vector<std::string>& extra = {}) const {
    std::vector<std::string> argv{KPOLD_BINARY,
                                  "--source",
                                  "api",
                                  "--kubeconfig",
                                  directory.path() / "kubeconfig",
                                  "--socket",
                                  directory.path() / "s",
                                  "--state-dir",
                                  directory.path() / "state",
                                  "--node-name",
                                  "n1"};
    argv.push_back("--metrics-listen=" + metricsListen);
    argv.push_back("--cni-conf-dir=");
    argv.push_back("--routing=none");
    argv.insert(argv.end(), extra.begin(), extra.end());
    return argv;
  }
  void launch(const std::vector<std::string>& extra = {}) {
    kpold = std::make_unique<Background>(command(extra), directory.path() / "log");
  }
  // Waits up to half a minute until `condition` is true for kpold's status.
  void until(const std::function<bool(const json&)>& condition, const char* what) {
    const auto deadline = Clock::now() + 30s;
    while (Clock::now() < deadline && kpold->running()) {
      try {
        if (condition(status())) return;
      } catch (const control::Unreachable&) {
      }
      std::this_thread::sleep_for(10ms);
    }
    FAIL() << "not in time: " << what << "\n" << directory.read("log");
  }
  void start() {
    launch();
    until([](const json& now) { return now.at("ready").get<bool>(); }, "ready");
  }
  static bool troubled(const json& status, const char* kind) {
    for (const auto& watch : status.at("watches"))
      if (watch.at("kind") == kind && watch.at("trouble") != "") return true;
    return false;
  }

  control::Response ask(const char* method, const std::string& target,
                        const std::string& body = {}) const {
    return control::request(directory.path() / "s", method, target, body, 30s);
  }
  json status() const { return json::parse(ask("GET", "/v1/status").body); }
  control::Response sync() const { return ask("POST", "/v1/sync?timeout=20"); }
  control::Response put(const conf::Attachment& a, const std::string& timeout = "20") const {
    return ask("PUT", "/v1/attachments?timeout=" + timeout, conf::print(a));
  }
  // Body and status.
  static std::string probe(const std::string& path) {
    return test::run({"curl", "-s", "-w", "%{http_code}", "http://127.0.0.1:9464" + path}).out;
  }
  static std::string table() { return test::run({"nft", "list", "table", "inet", "kpol"}).out; }
  // The table but for whose it is.
  static std::string tableContent() {
    const std::string text = table();
    return text.substr(std::min(text.find("\n\n"), text.size()));
  }
  static bool inKernel(const std::string& text) { return table().find(text) != std::string::npos; }

  std::string metricsListen;
  TemporaryDirectory directory;
  ClusterApi cluster;
  std::unique_ptr<Background> kpold;
};

const std::string kApiEndpoint = "\"kpolweb\" . 10.0.0.1";

TEST_F(KpoldApiTest, EnforcesTheServersPolicies) {
  start();
  EXPECT_EQ(put(kApiWeb).status, 200U);
  EXPECT_TRUE(inKernel(kApiEndpoint));
  EXPECT_TRUE(inKernel("10.1.0.0/16"));
  cluster.inside([this] { cluster.policies.remove("allow-web"); });
  EXPECT_EQ(sync().status, 200U);
  EXPECT_FALSE(inKernel("10.1.0.0/16"));
  const auto now = status();
  EXPECT_EQ(now.at("diagnostics"), json::array());
  ASSERT_EQ(now.at("watches").size(), 4U);
  for (const auto& watch : now.at("watches")) EXPECT_EQ(watch.at("state"), "watching") << watch;
  EXPECT_FALSE(cluster.tokenMissing);
  EXPECT_EQ(directory.read("log").find(kToken), std::string::npos);
  const auto text = test::run({KPOLCTL_BINARY, "--socket", directory.path() / "s", "status"}).out;
  EXPECT_NE(text.find("Pod watching at "), std::string::npos) << text;
}

TEST_F(KpoldApiTest, CreatesEventsForPoliciesNotEnforced) {
  start();
  cluster.inside([this] {
    cluster.eventStatus = 503;
    cluster.policies.put("odd", R"("namespace":"shop"},"spec":{"podSelector":{},)"
                                R"("ingress":[{"ports":[{"port":70000}]}]})");
  });
  const auto posted = [this](std::size_t count) {
    std::vector<kube::testing::Asked> events;
    const auto deadline = Clock::now() + 20s;
    while (events.size() < count && Clock::now() < deadline) {
      std::this_thread::sleep_for(20ms);
      cluster.inside([&] { events = cluster.events; });
    }
    return events;
  };
  ASSERT_EQ(posted(1).size(), 1U) << directory.read("log");
  cluster.inside([this] { cluster.eventStatus = 201; });
  const auto events = posted(2);
  ASSERT_EQ(events.size(), 2U) << "an Event that was not accepted is sent again"
                               << directory.read("log");
  EXPECT_EQ(events[1].method, "POST");
  const auto event = json::parse(events[1].body);
  EXPECT_EQ(event.at("reason"), "PolicyNotEnforced");
  EXPECT_EQ(event.at("involvedObject").at("name"), "odd");
  EXPECT_NE(event.at("message").get<std::string>().find("70000"), std::string::npos) << event;
  EXPECT_EQ(event.at("source").at("host"), "n1");
  // One check is enough; nothing else waits for it.
  EXPECT_EQ(put(kApiWeb).status, 200U);
  std::this_thread::sleep_for(2500ms);
  cluster.inside([&] { EXPECT_EQ(cluster.events.size(), 2U); });
}

TEST_F(KpoldApiTest, CreatesAnEventForAHostFirewall) {
  ASSERT_EQ(test::run({"nft",
                       "add table ip f; add chain ip f forward { type filter hook forward "
                       "priority 0; policy drop; }"})
                .status,
            0);
  start();
  std::vector<kube::testing::Asked> events;
  const auto deadline = Clock::now() + 20s;
  while (events.empty() && Clock::now() < deadline) {
    std::this_thread::sleep_for(20ms);
    cluster.inside([&] { events = cluster.nodeEvents; });
  }
  test::run({"nft", "delete", "table", "ip", "f"});
  ASSERT_FALSE(events.empty()) << directory.read("log");
  const auto event = json::parse(events[0].body);
  EXPECT_EQ(event.at("reason"), "HostFirewallDropsPods");
  EXPECT_EQ(event.at("involvedObject").at("kind"), "Node");
  EXPECT_EQ(event.at("involvedObject").at("name"), "n1");
  EXPECT_NE(event.at("message").get<std::string>().find("remedy: nft insert rule ip f forward"),
            std::string::npos)
      << event;
}

TEST_F(KpoldApiTest, ClearsTheConditionNetworkUnavailable) {
  cluster.inside([this] { cluster.nodes.put("n1", kTaintedNodeRest); });
  directory.write("kpold.yaml",
                  "apiVersion: kpol.io/v1alpha1\nkind: KpoldConfiguration\n"
                  "clearNetworkUnavailable: true\n");
  launch({"--config", directory.path() / "kpold.yaml"});
  std::vector<kube::testing::Asked> patches;
  const auto deadline = Clock::now() + 30s;
  while (patches.empty() && Clock::now() < deadline) {
    std::this_thread::sleep_for(20ms);
    cluster.inside([&] { patches = cluster.patches; });
  }
  ASSERT_FALSE(patches.empty()) << directory.read("log");
  EXPECT_EQ(patches[0].method, "PATCH");
  const auto conditions = json::parse(patches[0].body).at("status").at("conditions");
  ASSERT_EQ(conditions.size(), 1U);
  EXPECT_EQ(conditions[0].at("type"), "NetworkUnavailable");
  EXPECT_EQ(conditions[0].at("status"), "False");
  EXPECT_EQ(conditions[0].at("reason"), "KpolIsUp");
  EXPECT_FALSE(cluster.tokenMissing);
}

TEST_F(KpoldApiTest, LeavesTheConditionOfItsNodeAloneByDefault) {
  cluster.inside([this] { cluster.nodes.put("n1", kTaintedNodeRest); });
  start();
  std::this_thread::sleep_for(1500ms);
  cluster.inside([this] { EXPECT_TRUE(cluster.patches.empty()); });
}

TEST_F(KpoldApiTest, WritesNothingBeforeEveryKindIsListed) {
  cluster.inside([this] { cluster.policiesHang = true; });
  metricsListen = "127.0.0.1:9464";
  launch();
  until(
      [](const json& now) {
        return now.at("objects").at("pods") == 1 && now.at("objects").at("namespaces") == 1;
      },
      "two kinds");
  EXPECT_FALSE(status().at("ready").get<bool>());
  EXPECT_EQ(probe("/readyz"), "the source has not been read yet\n503");
  EXPECT_EQ(probe("/livez"), "ok\n200");
  EXPECT_EQ(table(), "");
  const auto answer = put(kApiWeb, "0.2");
  EXPECT_EQ(answer.status, 504U);
  EXPECT_NE(answer.body.find("has not read all objects yet"), std::string::npos) << answer.body;
}

TEST_F(KpoldApiTest, ContinuesWithoutTheServer) {
  metricsListen = "127.0.0.1:9464";
  start();
  cluster.stop();
  until([](const json& now) { return troubled(now, "Pod"); }, "the server is missed");
  EXPECT_EQ(put(kApiWeb).status, 200U);  // a pod that is known
  EXPECT_TRUE(inKernel(kApiEndpoint));
  EXPECT_TRUE(inKernel("10.1.0.0/16"));
  const auto stranger = put(attachment("c2", "new", "kpolnew", "10.0.0.2", "u2"), "0.2");
  EXPECT_EQ(stranger.status, 504U);
  EXPECT_NE(stranger.body.find("does not know pod shop/new yet (Pod: https://127.0.0.1"),
            std::string::npos)
      << stranger.body;
  EXPECT_TRUE(status().at("ready").get<bool>());
  EXPECT_EQ(probe("/readyz"), "ok\n200");
  // Objects that changed meanwhile are received with the server; unchanged ones cause no commit.
  const auto before = status();
  cluster.start();
  until([](const json& now) { return !troubled(now, "Pod"); }, "the server is back");
  EXPECT_EQ(sync().status, 200U);
  const auto after = status();
  EXPECT_EQ(after.at("generation"), before.at("generation"));
  EXPECT_EQ(after.at("commits").at("total"), before.at("commits").at("total"));
  cluster.inside([this] { cluster.pods.put("new", podRest("u2")); });
  EXPECT_EQ(put(attachment("c2", "new", "kpolnew", "10.0.0.2", "u2")).status, 200U);
}

TEST_F(KpoldApiTest, ARestartWithoutTheServerKeepsTheKernelsPolicy) {
  start();
  ASSERT_EQ(put(kApiWeb).status, 200U);
  const std::string before = tableContent();
  kpold->signal(SIGKILL);
  kpold->wait();
  cluster.stop();
  launch();
  until([](const json& now) { return troubled(now, "Pod"); }, "the server is missed");
  EXPECT_FALSE(status().at("ready").get<bool>());
  EXPECT_EQ(tableContent(), before);
  cluster.start();
  until([](const json& now) { return now.at("ready").get<bool>(); }, "ready");
  EXPECT_EQ(tableContent(), before);
  EXPECT_EQ(status().at("commits").at("total"), 0);
}

TEST_F(KpoldApiTest, ObjectsDeletedMeanwhileAreRemoved) {
  start();
  ASSERT_EQ(put(kApiWeb).status, 200U);
  cluster.stop();
  cluster.inside([this] {
    cluster.policies.remove("allow-web");
    for (auto* api : {&cluster.namespaces, &cluster.policies, &cluster.nodes, &cluster.pods})
      api->compact();
  });
  cluster.start();
  EXPECT_EQ(sync().status, 200U);
  until([](const json& now) { return now.at("objects").at("networkPolicies") == 0; }, "no policy");
  EXPECT_EQ(sync().status, 200U);
  EXPECT_FALSE(inKernel("10.1.0.0/16"));
  EXPECT_TRUE(inKernel(kApiEndpoint));
}

TEST_F(KpoldApiTest, MetricsReportTheWatches) {
  metricsListen = "127.0.0.1:9464";
  start();
  const auto metrics = [] {
    return test::run({"curl", "-s", "http://127.0.0.1:9464/metrics"}).out;
  };
  const std::string followed = metrics();
  for (const char* line :
       {"\nkpold_api_followed{kind=\"Pod\"} 1\n",
        "\nkpold_api_objects_total{kind=\"NetworkPolicy\"} 1\n",
        "\nkpold_api_request_duration_seconds_count{kind=\"Pod\",verb=\"watch\"} ",
        "\nkpold_api_lists_total{kind=\"Node\"} 1\n"})
    EXPECT_NE(followed.find(line), std::string::npos) << line << followed;
  cluster.stop();
  until([](const json& now) { return troubled(now, "Pod"); }, "the server is missed");
  auto missed = test::readExposition(metrics());
  // kpold keeps a response for one second.
  for (int i = 0; i < 60 && test::valueOf(missed, "kpold_api_followed", {{"kind", "Pod"}}) != 0;
       ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    missed = test::readExposition(metrics());
  }
  EXPECT_EQ(test::valueOf(missed, "kpold_api_followed", {{"kind", "Pod"}}), 0);
  EXPECT_GE(test::valueOf(missed, "kpold_api_watch_restarts_total",
                          {{"kind", "Pod"}, {"reason", "broken"}}),
            1);
  EXPECT_EQ(test::valueOf(missed, "kpold_api_watch_restarts_total",
                          {{"kind", "Pod"}, {"reason", "expired"}}),
            0);
}

TEST_F(KpoldApiTest, StopsWhileItWatchesAndWhileItWaits) {
  start();
  kpold->signal(SIGTERM);
  EXPECT_EQ(kpold->wait(), 0);
  cluster.stop();
  launch();
  until([](const json& now) { return troubled(now, "Pod"); }, "the server is missed");
  kpold->signal(SIGTERM);
  EXPECT_EQ(kpold->wait(), 0);
}

TEST_F(KpoldApiTest, UnverifiedServerNeedsTwoSettings) {
  writeKubeconfig("insecure-skip-tls-verify: true");
  const auto refused = test::run(command());
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("set --insecure-skip-tls-verify=true"), std::string::npos)
      << refused.err;
  kpold = std::make_unique<Background>(command({"--insecure-skip-tls-verify=true"}),
                                       directory.path() / "log");
  until([](const json& now) { return now.at("ready").get<bool>(); }, "ready");
}

TEST_F(KpoldApiTest, ServerOfAnotherAuthorityIsRejected) {
  directory.write("ca", kube::testing::makeAuthority().certificatePem);
  launch();
  until([](const json& now) { return troubled(now, "Pod"); }, "the server is refused");
  EXPECT_NE(status().dump().find("cannot verify the server's certificate"), std::string::npos);
  EXPECT_FALSE(status().at("ready").get<bool>());
}

}  // namespace
}  // namespace kpol::controller
