// SPDX-License-Identifier: Apache-2.0
// The kpold binary in a network namespace of its own, with a directory of manifests.
#include "conf/control_message.hpp"
#include "control/client.hpp"
#include "netlink/route_socket.hpp"
#include "tests/controller/temporary_directory.hpp"
#include "tests/controller/values.hpp"
#include "tests/support/process.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <chrono>
#include <csignal>
#include <fstream>
#include <set>
#include <thread>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;
using nlohmann::json;
using test::Background;
using test::ProcessResult;

const char* const kPodWeb = R"(
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, uid: u1, labels: {app: web}}
spec: {containers: [{name: c, ports: [{name: http, containerPort: 80}]}]}
)";
const char* const kPolicy = R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: allow-web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
  - from: [{ipBlock: {cidr: 10.1.0.0/16}}]
    ports: [{port: http}]
)";
const auto kWeb = attachment("c1", "web", "kpolweb", "10.0.0.1", "u1");

class KpoldTest : public testing::Test {
 protected:
  KpoldTest() {
    std::filesystem::create_directory(directory.path() / "manifests");
    netlink::RouteSocket().addVeth(
        {kWeb.hostInterface, mac(1), base::IfName::parse("peer").value(), mac(2), 0, -1, ""});
  }
  ~KpoldTest() override {
    kpold.reset();
    netlink::RouteSocket().deleteLink(kWeb.hostInterface);
    test::run({"nft", "delete", "table", "inet", "kpol"});
  }

  static base::MacAddress mac(std::uint8_t last) { return {{2, 0, 0, 0, 9, last}}; }

  std::string socket() const { return directory.path() / "s"; }
  std::vector<std::string> command(const std::vector<std::string>& extra = {}) const {
    std::vector<std::string> argv{KPOLD_BINARY,
                                  "--source",
                                  "dir:" + (directory.path() / "manifests").string(),
                                  "--socket",
                                  socket(),
                                  "--state-dir",
                                  directory.path() / "state",
                                  "--node-name",
                                  "n1",
                                  "--metrics-listen",
                                  "127.0.0.1:9464"};
    argv.insert(argv.end(), extra.begin(), extra.end());
    return argv;
  }

  void start(const std::vector<std::string>& extra = {}) {
    kpold = std::make_unique<Background>(command(extra), directory.path() / "log");
    const auto deadline = Clock::now() + 20s;
    while (Clock::now() < deadline && kpold->running()) {
      try {
        if (status().at("ready")) return;
      } catch (const control::Unreachable&) {
        std::this_thread::sleep_for(5ms);
      }
    }
    FAIL() << "kpold did not become ready:\n" << directory.read("log");
  }
  int stop(int signal) {
    kpold->signal(signal);
    const int code = kpold->wait();
    kpold.reset();
    return code;
  }

  void apply(const std::string& name, const std::string& text) const {
    directory.write("manifests/." + name, text);
    std::filesystem::rename(directory.path() / "manifests" / ("." + name),
                            directory.path() / "manifests" / name);
  }
  control::Response ask(const char* method, const std::string& target,
                        const std::string& body = {}) const {
    return control::request(socket(), method, target, body, 30s);
  }
  json status() const { return json::parse(ask("GET", "/v1/status").body); }
  control::Response sync() const { return ask("POST", "/v1/sync?timeout=10"); }
  control::Response put(const conf::Attachment& a, const std::string& timeout = "10") const {
    return ask("PUT", "/v1/attachments?timeout=" + timeout, conf::print(a));
  }
  ProcessResult kpolctl(std::vector<std::string> arguments) const {
    std::vector<std::string> argv{KPOLCTL_BINARY, "--socket", socket()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    return test::run(argv);
  }
  static std::string table() { return test::run({"nft", "list", "table", "inet", "kpol"}).out; }
  static bool inKernel(const std::string& text) { return table().find(text) != std::string::npos; }

  // A pod with its policy, enforced.
  void startWithPod() {
    apply("pod.yaml", kPodWeb);
    apply("policy.yaml", kPolicy);
    start();
    ASSERT_EQ(put(kWeb).status, 200U);
  }

  TemporaryDirectory directory;
  std::unique_ptr<Background> kpold;
};

const std::string kEndpoint = "\"kpolweb\" . 10.0.0.1";

TEST_F(KpoldTest, BecomesReadyOnAnEmptyDirectory) {
  start();
  const auto now = status();
  EXPECT_EQ(now.at("node"), "n1");
  EXPECT_EQ(now.at("inSync"), true);
  EXPECT_EQ(now.at("diagnostics"), json::array());
  EXPECT_TRUE(inKernel("table inet kpol"));
  EXPECT_EQ(std::filesystem::status(directory.path() / "state").permissions(),
            std::filesystem::perms::owner_all);
}

TEST_F(KpoldTest, PodIsEnforcedWhenThePutReturns) {
  apply("pod.yaml", kPodWeb);
  apply("policy.yaml", kPolicy);
  start();
  EXPECT_FALSE(inKernel(kEndpoint));
  const auto response = put(kWeb);
  EXPECT_EQ(response.status, 200U) << response.body;
  EXPECT_TRUE(json::parse(response.body).at("generation").is_number());
  EXPECT_TRUE(inKernel(kEndpoint));
  EXPECT_TRUE(inKernel("10.0.0.1 : goto in-shop-")) << table();
  EXPECT_EQ(ask("GET", "/v1/attachments/c1/eth0").body, conf::printKnown(conf::print(kWeb), true));
  EXPECT_EQ(ask("DELETE", "/v1/attachments/c1/eth0").status, 200U);
  EXPECT_FALSE(inKernel(kEndpoint));
  EXPECT_EQ(ask("GET", "/v1/attachments/c1/eth0").status, 404U);
  EXPECT_EQ(ask("DELETE", "/v1/attachments/c1/eth0").status, 200U);
}

TEST_F(KpoldTest, PutResponsesAreUnderstoodByThePlugin) {
  startWithPod();
  EXPECT_EQ(put(attachment("c2", "nobody", "kpol2", "10.0.0.2"), "0.1").status, 504U);
  EXPECT_EQ(put(attachment("c2", "nobody", "kpol2", "10.0.0.1"), "0.1").status, 409U);
  EXPECT_EQ(ask("PUT", "/v1/attachments", "{}").status, 400U);
  EXPECT_EQ(ask("PUT", "/v1/attachments?timeout=x", conf::print(kWeb)).status, 400U);
  EXPECT_EQ(ask("DELETE", "/v1/attachments/..%2Fx/eth0").status, 400U);
  EXPECT_EQ(ask("POST", "/v1/attachments").status, 405U);
  EXPECT_EQ(ask("GET", "/v1/nothing").status, 404U);
  EXPECT_EQ(status().at("attachments"), 1);
}

TEST_F(KpoldTest, SyncIncludesEverythingWrittenBefore) {
  startWithPod();
  for (int i = 0; i < 20; ++i) {
    const std::string block = "10.2." + std::to_string(i) + ".0/24";
    std::string text = kPolicy;
    text.replace(text.find("10.1.0.0/16"), 11, block);
    apply("policy.yaml", text);
    const auto response = sync();
    ASSERT_EQ(response.status, 200U) << response.body;
    ASSERT_TRUE(inKernel(block)) << table();
  }
}

TEST_F(KpoldTest, FollowsTheDirectoryByItself) {
  startWithPod();
  std::filesystem::remove(directory.path() / "manifests" / "policy.yaml");
  const auto deadline = Clock::now() + 10s;
  while (inKernel("goto in-shop-") && Clock::now() < deadline) std::this_thread::sleep_for(5ms);
  EXPECT_FALSE(inKernel("goto in-shop-"));
}

TEST_F(KpoldTest, WarmRestartWithNothingChangedWritesNothing) {
  startWithPod();
  const auto before = table();
  EXPECT_EQ(stop(SIGTERM), 0);
  start();
  const auto now = status();
  EXPECT_EQ(now.at("commits").at("total"), 0);
  EXPECT_LE(now.at("commits").at("batches"), 1) << "the adoption of the table, where it is owned";
  EXPECT_EQ(now.at("endpoints"), 1);
  EXPECT_EQ(now.at("table").at("owned"), true);
  EXPECT_EQ(table(), before);
  EXPECT_EQ(put(kWeb).status, 200U) << "the plugin may ask again";
  EXPECT_EQ(status().at("commits").at("batches"), now.at("commits").at("batches"));
}

TEST_F(KpoldTest, KilledKpoldLeavesItsTable) {
  startWithPod();
  EXPECT_EQ(stop(SIGKILL), 128 + SIGKILL);
  EXPECT_TRUE(inKernel(kEndpoint));
  start();
  EXPECT_EQ(status().at("commits").at("total"), 0);
  EXPECT_TRUE(inKernel(kEndpoint));
}

TEST_F(KpoldTest, StoppedKpoldLeavesItsTableAndNoSocket) {
  startWithPod();
  EXPECT_EQ(stop(SIGINT), 0);
  EXPECT_TRUE(inKernel(kEndpoint));
  EXPECT_FALSE(std::filesystem::exists(socket()));
}

TEST_F(KpoldTest, StopsAlsoWhileAPutWaits) {
  start();
  std::thread client([&] { EXPECT_THROW(put(kWeb, "20"), control::Unreachable); });
  const auto deadline = Clock::now() + 10s;
  while (status().at("attachments") == 0 && Clock::now() < deadline)
    std::this_thread::sleep_for(5ms);
  EXPECT_EQ(stop(SIGTERM), 0);
  client.join();
  EXPECT_TRUE(std::filesystem::is_empty(directory.path() / "state" / "attachments"))
      << "what was not acknowledged is forgotten";
}

TEST_F(KpoldTest, AttachmentWithoutInterfaceIsDeletedAtStart) {
  startWithPod();
  EXPECT_EQ(stop(SIGTERM), 0);
  netlink::RouteSocket().deleteLink(kWeb.hostInterface);
  start();
  EXPECT_EQ(status().at("attachments"), 0);
  EXPECT_FALSE(inKernel(kEndpoint));
}

TEST_F(KpoldTest, SecondKpoldOnTheSocketFails) {
  startWithPod();
  const auto second = test::run(command({"--metrics-listen", ""}));
  EXPECT_EQ(second.status, 2) << "a flag given twice";
  auto argv = command();
  argv.back() = "";
  const auto refused = test::run(argv);
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("another kpold runs"), std::string::npos) << refused.err;
  EXPECT_EQ(refused.out, "");
  EXPECT_EQ(status().at("ready"), true);
}

TEST_F(KpoldTest, InvalidManifestIsReportedAndKeepsItsObjects) {
  startWithPod();
  apply("policy.yaml", "kind: [");
  EXPECT_EQ(sync().status, 200U);
  const auto now = status();
  ASSERT_EQ(now.at("diagnostics").size(), 1U) << now;
  EXPECT_NE(now.at("diagnostics")[0].dump().find("policy.yaml"), std::string::npos) << now;
  EXPECT_TRUE(inKernel("10.0.0.1 : goto in-shop-"));
  apply("policy.yaml", kPolicy);
  EXPECT_EQ(json::parse(sync().body).at("diagnostics"), json::array());
}

TEST_F(KpoldTest, ForwardingIsEnabled) {
  test::run({"sysctl", "-qw", "net.ipv4.ip_forward=0", "net.ipv6.conf.all.forwarding=0"});
  start();
  for (const char* path :
       {"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"}) {
    std::ifstream file(path);
    std::string value;
    file >> value;
    EXPECT_EQ(value, "1") << path;
  }
}

TEST_F(KpoldTest, MetricsPortServesHealthAndMetrics) {
  startWithPod();
  const auto get = [](const char* path) {
    return test::run(
               {"curl", "-s", "-w", "%{http_code}", std::string("http://127.0.0.1:9464") + path})
        .out;
  };
  EXPECT_EQ(get("/livez"), "ok\n200");
  EXPECT_EQ(get("/readyz"), "ok\n200");
  const auto metrics = get("/metrics");
  for (const char* line : {"kpold_ready 1\n", "kpold_attachments 1\n", "kpold_commits_total 2\n",
                           "kpold_commit_failures_total{reason=\"refused\"} 0\n",
                           "kpold_in_sync 1\n", "kpold_objects{kind=\"Pod\"} 1\n",
                           "kpold_table_owned 1\n", "kpold_objects{kind=\"NetworkPolicy\"} 1\n"})
    EXPECT_NE(metrics.find(line), std::string::npos) << line << metrics;
  EXPECT_NE(get("/v1/status").find("404"), std::string::npos);
}

TEST_F(KpoldTest, HangingKpoldIsNotAlive) {
  startWithPod();
  const auto livez = [] {
    return test::run({"curl", "-s", "-m", "1", "http://127.0.0.1:9464/livez"});
  };
  kpold->signal(SIGSTOP);
  EXPECT_NE(livez().status, 0);
  kpold->signal(SIGCONT);
  EXPECT_EQ(livez().out, "ok\n");
}

TEST_F(KpoldTest, JsonLogIsOneObjectALine) {
  // Names and texts as a stranger would choose them.
  apply("a\"b\\\n\x01\xff level=x\x1b.yaml", "kind: [\xff\n\"");
  apply("pod.yaml", kPodWeb);
  apply("c.yaml",
        "{apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: \"q\\\"\\n\\x02\"}}");
  start({"--log-format", "json", "--log-level", "trace"});
  EXPECT_EQ(put(kWeb).status, 200U);
  EXPECT_EQ(stop(SIGTERM), 0);
  std::istringstream lines(directory.read("log"));
  std::size_t fromStrangers = 0;
  bool committed = false;
  for (std::string line; std::getline(lines, line);) {
    json event;
    ASSERT_NO_THROW(event = json::parse(line)) << line;  // also where it is no UTF-8
    ASSERT_TRUE(event.is_object());
    EXPECT_TRUE(event.at("ts").is_number()) << line;
    EXPECT_TRUE((std::set<std::string>{"trace", "debug", "info", "warning", "error"}.contains(
        event.at("level").get<std::string>())))
        << line;
    const auto message = event.at("msg").get<std::string>();
    if (message == "invalid manifest") {
      ++fromStrangers;
      for (const char* key : {"object", "field", "error"})
        EXPECT_TRUE(event.at(key).is_string()) << line;
    }
    if (message != "committed") continue;
    committed = true;
    EXPECT_TRUE(event.at("changes").is_number_integer()) << line;
    EXPECT_TRUE(event.at("took_ms").is_number()) << line;
  }
  EXPECT_GE(fromStrangers, 2U) << directory.read("log");
  EXPECT_TRUE(committed);
}

TEST_F(KpoldTest, NothingIsPrintedOnStdout) {
  EXPECT_EQ(test::run({KPOLD_BINARY, "--source", "dir:/nonexistent", "--socket", socket(),
                       "--state-dir", directory.path() / "state", "--metrics-listen", ""})
                .out,
            "");
  EXPECT_EQ(test::run({KPOLD_BINARY, "--bad"}).out, "");
  EXPECT_EQ(test::run({KPOLD_BINARY, "--bad"}).status, 2);
}

TEST_F(KpoldTest, KpolctlShowsKpoldsState) {
  startWithPod();
  const auto expect = [&](std::vector<std::string> arguments, int code, const std::string& part) {
    const auto result = kpolctl(arguments);
    EXPECT_EQ(result.status, code) << arguments[0] << ": " << result.err;
    EXPECT_NE(result.out.find(part), std::string::npos) << arguments[0] << ":\n" << result.out;
  };
  expect({"status"}, 0, "ready, in sync");
  expect({"sync", "--timeout", "5s"}, 0, "in sync, generation ");
  expect({"show"}, 0, "allow-web");
  expect({"show", "pods"}, 0, "10.0.0.1");
  expect({"show", "policies", "-o", "json"}, 0, "\"podSelector\": \"app=web\"");
  expect({"show", "sets"}, 0, "endpoints4");
  expect({"show", "pod", "shop/web"}, 0, "isolated by shop/allow-web");
  expect({"show", "pod", "shop/web"}, 0, "Chains       in-shop-");
  expect({"show", "policy", "shop/allow-web", "-o", "yaml"}, 0, "- \"10.1.0.0/16\"");
  expect({"explain", "10.1.2.3", "shop/web", "80"}, 0, "allowed by shop/allow-web, ingress[0]");
  expect({"explain", "10.9.2.3", "shop/web", "80"}, 3, "no rule allows it");
  expect({"explain", "10.1.2.3", "shop/web", "80/udp"}, 3, "denied");
  EXPECT_EQ(kpolctl({"show", "pod", "shop/nobody"}).status, 1);
  EXPECT_EQ(kpolctl({"explain", "nobody", "shop/web", "80"}).status, 1);
  stop(SIGTERM);
  const auto gone = kpolctl({"status"});
  EXPECT_EQ(gone.status, 1);
  EXPECT_NE(gone.err.find("check that kpold runs on this node"), std::string::npos) << gone.err;
}

// The output of `nft list table` without the owner and the counters' values.
TEST_F(KpoldTest, ShowRulesetIsTheTableAsNftListsIt) {
  startWithPod();
  const auto shown = kpolctl({"show", "ruleset"}).out;
  std::set<std::string> listed;
  std::istringstream lines(table());
  for (std::string line; std::getline(lines, line);) listed.insert(line);
  std::istringstream ours(shown);
  std::size_t rules = 0;
  for (std::string line; std::getline(ours, line);) {
    if (line.starts_with("table ") || line.find("packets") != std::string::npos) continue;
    EXPECT_TRUE(listed.contains(line)) << line << "\n" << table();
    ++rules;
  }
  EXPECT_GT(rules, 50U);
}

}  // namespace
}  // namespace kpol::controller
