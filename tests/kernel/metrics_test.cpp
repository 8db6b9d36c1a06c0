// SPDX-License-Identifier: Apache-2.0
// The metrics of a running kpold for real pods and packets.
#include "tests/support/exposition_text.hpp"
#include "tests/support/node.hpp"
#include "tests/support/prober.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <thread>

namespace kpol::test {
namespace {

using base::Family;

constexpr const char* kCountedPods = R"(
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: a, labels: {app: a}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: b, labels: {app: b}}}
)";
// No pod reaches a, and a reaches none.
constexpr const char* kCountedPolicy = R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: guard}
spec: {podSelector: {matchLabels: {app: a}}, policyTypes: [Ingress, Egress]}
)";

NodeOptions withMetrics() {
  NodeOptions options;
  options.metricsListen = "127.0.0.1:9464";
  return options;
}

class MetricsTest : public ::testing::Test {
 protected:
  MetricsTest() : node_(withMetrics()) {
    node_.apply("pods.yaml", kCountedPods);
    node_.startKpold();
  }
  // Waits until kpold's last response is too old to be sent again.
  static MetricFamilies scrape() {
    static std::chrono::steady_clock::time_point again;
    std::this_thread::sleep_until(again);
    auto families = scrapeAtOnce();
    again = std::chrono::steady_clock::now() + std::chrono::seconds(1);
    return families;
  }
  static MetricFamilies scrapeAtOnce() {
    const auto answer = run({"curl", "-sSi", "http://127.0.0.1:9464/metrics"}).out;
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << answer;
    EXPECT_NE(answer.find("\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"),
              answer.npos)
        << answer;
    return readExposition(answer.substr(answer.find("\r\n\r\n") + 4));
  }
  void addPods() {
    for (const char* name : {"a", "b"})
      prober_.addHost(name, node_.add({"shop", name}).netns->open());
  }
  void expectDenied(const char* from, const char* to) {
    for (const auto family : {Family::V4, Family::V6}) {
      const policy::Flow flow{node_.find({"shop", from})->ip(family),
                              node_.find({"shop", to})->ip(family), 17, 80};
      EXPECT_EQ(prober_.run({{from, flow}}, {false}), std::vector<Reach>{Reach::None});
    }
  }

  Node node_;
  Prober prober_;
};

// Of the table in docs/metrics.md: name to type.
std::map<std::string, std::string> documented() {
  std::ifstream file(std::string(KPOL_SOURCE_DIR) + "/docs/metrics.md");
  static const std::regex row(R"(^\| `([a-z_]+)` \| (counter|gauge|histogram) \|.*)");
  std::map<std::string, std::string> metrics;
  for (std::string line; std::getline(file, line);) {
    std::smatch match;
    if (!std::regex_match(line, match, row)) continue;
    EXPECT_TRUE(metrics.emplace(match[1], match[2]).second) << match[1] << " twice";
  }
  return metrics;
}

TEST_F(MetricsTest, MatchTheDocumentation) {
  std::map<std::string, std::string> told;
  for (const auto& [name, family] : scrape()) told.emplace(name, family.type);
  EXPECT_EQ(told, documented());
}

TEST_F(MetricsTest, DeniedPacketsAreCountedByReason) {
  addPods();
  node_.apply("policy.yaml", kCountedPolicy);
  node_.sync();
  const auto denied = [](const char* reason) {
    return valueOf(scrape(), "kpold_denied_packets_total", {{"reason", reason}});
  };
  EXPECT_EQ(denied("ingress"), 0);
  expectDenied("b", "a");
  const auto ingress = denied("ingress");
  EXPECT_GE(ingress, 2);
  EXPECT_EQ(denied("egress"), 0);
  expectDenied("a", "b");
  EXPECT_GE(denied("egress"), 2);
  EXPECT_EQ(denied("ingress"), ingress);
  const auto families = scrape();
  const auto& profiles = families.at("kpold_profile_denied_packets_total").samples;
  ASSERT_EQ(profiles.size(), 2U);
  for (const auto& profile : profiles)
    EXPECT_TRUE(profile.labels.at("profile").starts_with(
        profile.labels.at("direction") == "ingress" ? "in-shop-" : "eg-shop-"));
  // The policy's counters are deleted with it, but their counts are kept.
  node_.remove("policy.yaml");
  node_.sync();
  EXPECT_EQ(denied("ingress"), ingress);
  EXPECT_TRUE(scrape().at("kpold_profile_denied_packets_total").samples.empty());
}

TEST_F(MetricsTest, PodsAndTheirAddressesAreCounted) {
  EXPECT_TRUE(scrape().at("kpold_ipam_addresses").samples.empty());
  addPods();
  const auto families = scrape();
  EXPECT_EQ(valueOf(families, "kpold_attachments"), 2);
  EXPECT_EQ(valueOf(families, "kpold_pod_starts_total", {{"outcome", "enforced"}}), 2);
  EXPECT_EQ(valueOf(families, "kpold_pod_start_duration_seconds_count"), 2);
  std::map<std::pair<std::string, std::string>, double> addresses;
  for (const auto& sample : families.at("kpold_ipam_addresses").samples)
    addresses[{sample.labels.at("family"), sample.labels.at("state")}] = sample.value;
  EXPECT_EQ(addresses.size(), 4U);
  EXPECT_EQ((addresses[{"ipv4", "used"}]), 2);
  EXPECT_EQ((addresses[{"ipv6", "used"}]), 2);
  EXPECT_EQ((addresses[{"ipv4", "used"}] + addresses[{"ipv4", "free"}]), 254);
  node_.del({"shop", "b"});
  EXPECT_EQ(valueOf(scrape(), "kpold_attachments"), 1);
}

// Scrapes read the kernel's counters on the thread that enforces.
TEST_F(MetricsTest, ScrapesWithinASecondGetTheSameText) {
  EXPECT_EQ(valueOf(scrape(), "kpold_attachments"), 0);
  const auto begin = std::chrono::steady_clock::now();
  addPods();
  const auto again = valueOf(scrapeAtOnce(), "kpold_attachments");
  const bool inTime = std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(900);
  EXPECT_TRUE(again == 0 || !inTime) << again;
  EXPECT_EQ(valueOf(scrape(), "kpold_attachments"), 2);
}

TEST_F(MetricsTest, EventsAreTimedToTheirCommit) {
  const auto count = [](const char* name) { return valueOf(scrape(), name); };
  EXPECT_EQ(count("kpold_event_to_kernel_duration_seconds_count"), 0)
      << "what the start read is not counted";
  addPods();
  const auto before = count("kpold_event_to_kernel_duration_seconds_count");
  EXPECT_GE(before, 2);
  node_.apply("policy.yaml", kCountedPolicy);
  node_.sync();
  const auto families = scrape();
  EXPECT_EQ(valueOf(families, "kpold_event_to_kernel_duration_seconds_count"), before + 1);
  EXPECT_EQ(valueOf(families, "kpold_commit_duration_seconds_count"),
            valueOf(families, "kpold_commits_total"));
  EXPECT_LT(valueOf(families, "kpold_event_to_kernel_duration_seconds_sum"), 20);
  EXPECT_GT(valueOf(families, "kpold_event_to_kernel_duration_seconds_sum"), 0);
  // Changes that do not alter the table are not timed.
  node_.apply("other.yaml", "{apiVersion: v1, kind: Namespace, metadata: {name: other}}");
  node_.sync();
  EXPECT_EQ(count("kpold_event_to_kernel_duration_seconds_count"), before + 1);
}

TEST_F(MetricsTest, TheProcessIsMeasured) {
  const auto families = scrape();
  const auto now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_NEAR(valueOf(families, "process_start_time_seconds"), now, 30);
  EXPECT_GT(valueOf(families, "process_cpu_seconds_total"), 0);
  EXPECT_GT(valueOf(families, "process_resident_memory_bytes"), 1e6);
  EXPECT_GT(valueOf(families, "process_virtual_memory_bytes"),
            valueOf(families, "process_resident_memory_bytes"));
  EXPECT_GT(valueOf(families, "process_open_fds"), 5);
  EXPECT_GT(valueOf(families, "process_max_fds"), valueOf(families, "process_open_fds"));
}

TEST_F(MetricsTest, FailedReadsAreCountedAndTheRestIsServed) {
  addPods();
  ASSERT_EQ(valueOf(scrape(), "kpold_unreadable_total", {{"what", "leases"}}), 0);
  const auto leases = node_.stateDirectory() / "ipam" / "leases";
  const auto size = std::filesystem::file_size(leases);
  std::ofstream(leases, std::ios::app) << "nonsense\n";
  const auto families = scrape();
  std::filesystem::resize_file(leases, size);
  EXPECT_EQ(valueOf(families, "kpold_unreadable_total", {{"what", "leases"}}), 1);
  EXPECT_TRUE(families.at("kpold_ipam_addresses").samples.empty());
  EXPECT_EQ(valueOf(families, "kpold_attachments"), 2);
}

// Another process has the port: policies are enforced all the same.
TEST(MetricsPortOfKpold, IsNotNeededToEnforce) {
  const base::UniqueFd holder(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(9464);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(holder.value(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(holder.value(), 1), 0);
  Node node(withMetrics());
  node.apply("pods.yaml", kCountedPods);
  node.startKpold();
  node.add({"shop", "a"});
  EXPECT_NE(node.kpolctl({"status"}).out.find("cannot listen on 127.0.0.1:9464"),
            std::string::npos);
  EXPECT_NE(node.log().find("metrics and health are not served"), std::string::npos);
}

}  // namespace
}  // namespace kpol::test
