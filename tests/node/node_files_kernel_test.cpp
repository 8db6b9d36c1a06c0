// SPDX-License-Identifier: Apache-2.0
// The files by which a container runtime finds kpol, written by the real kpold.
#include "node/atomic_file.hpp"
#include "tests/support/node.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/mount.h>

#include <chrono>
#include <csignal>
#include <thread>

namespace kpol::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

constexpr const char* kFilesPods = R"(
apiVersion: v1
kind: PodList
items:
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: a}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: b}}
)";

std::string nodeManifest(const std::string& podCidrs) {
  return "apiVersion: v1\nkind: Node\nmetadata: {name: node}\nspec: {" + podCidrs + "}\n";
}

class NodeFiles : public testing::Test {
 protected:
  NodeFiles() { node_.apply("pods.yaml", kFilesPods); }

  [[nodiscard]] std::filesystem::path confDir() const { return node_.directory() / "net.d"; }
  [[nodiscard]] std::filesystem::path conflist() const { return confDir() / "10-kpol.conflist"; }
  [[nodiscard]] bool isThere() const { return std::filesystem::exists(conflist()); }
  [[nodiscard]] json told() const { return json::parse(node_.get("/v1/status")).at("cniConfig"); }

  template <class Condition>
  static bool comes(Condition condition) {
    for (const auto deadline = std::chrono::steady_clock::now() + 20s;
         std::chrono::steady_clock::now() < deadline; std::this_thread::sleep_for(5ms))
      if (condition()) return true;
    return false;
  }
  // As libcni passes it to the plugin.
  [[nodiscard]] std::string pluginConfig() const {
    const auto list = json::parse(node::readFile(conflist()).value());
    auto plugin = list.at("plugins").at(0);
    plugin["name"] = list.at("name");
    plugin["cniVersion"] = "1.1.0";
    return plugin.dump();
  }
  ProcessResult call(const char* command, const NodePod& pod) const {
    return Node::plugin(command, pod, pluginConfig().c_str());
  }
  void start() { node_.startKpold({"--cni-conf-dir", confDir()}); }

  Node node_;
};

TEST_F(NodeFiles, NetworkConfigIsWrittenWithThePodCidrsAndPodsStart) {
  start();
  node_.sync();
  EXPECT_FALSE(isThere());
  EXPECT_FALSE(told().at("written").get<bool>());
  EXPECT_EQ(told().at("trouble"), "there is no Node node yet; check --node-name");
  node_.apply("node.yaml", nodeManifest(""));
  ASSERT_TRUE(comes(
      [&] { return told().at("trouble") != "there is no Node node yet; check --node-name"; }));
  EXPECT_NE(told().at("trouble").get<std::string>().find("no podCIDRs yet"), std::string::npos);
  EXPECT_FALSE(isThere());

  node_.apply("node.yaml", nodeManifest("podCIDRs: [10.244.9.0/24, 'fd00:10:244:9::/64']"));
  ASSERT_TRUE(comes([&] { return isThere(); }));
  ASSERT_TRUE(comes([&] { return told().at("written").get<bool>(); }));
  EXPECT_EQ(told().at("trouble"), "");
  EXPECT_NE(node_.kpolctl({"status"}).out.find(conflist().string() + ", written"),
            std::string::npos);

  const auto pod = node_.makePod({"shop", "a"});
  EXPECT_EQ(call("STATUS", pod).status, 0);
  const auto added = call("ADD", pod);
  ASSERT_EQ(added.status, 0) << added.out;
  const auto ips = json::parse(added.out).at("ips");
  EXPECT_EQ(ips.at(0).at("address").get<std::string>().substr(0, 9), "10.244.9.");
  EXPECT_EQ(ips.at(1).at("address").get<std::string>().substr(0, 15), "fd00:10:244:9::");
  EXPECT_EQ(call("DEL", pod).status, 0);
}

TEST_F(NodeFiles, NetworkConfigIsRestoredAndOutlivesKpold) {
  node_.apply("node.yaml", nodeManifest("podCIDRs: [10.244.9.0/24]"));
  start();
  ASSERT_TRUE(comes([&] { return isThere(); }));
  const auto text = node::readFile(conflist());
  std::filesystem::remove(conflist());
  EXPECT_TRUE(comes([&] { return isThere(); }));
  node::writeFile(conflist(), "{}", 0600);
  EXPECT_TRUE(comes([&] { return node::readFile(conflist()) == text; }));
  std::filesystem::rename(confDir(), node_.directory() / "gone");
  EXPECT_TRUE(comes([&] { return isThere(); }));
  EXPECT_EQ(node::readFile(conflist()), text);

  EXPECT_EQ(node_.stopKpold(SIGTERM), 0);
  EXPECT_TRUE(isThere());
  const auto written = std::filesystem::last_write_time(conflist());
  start();
  ASSERT_TRUE(comes([&] { return told().at("written").get<bool>(); }));
  EXPECT_EQ(std::filesystem::last_write_time(conflist()), written);
}

TEST_F(NodeFiles, AnotherNetworkConfigThatIsUsedInsteadIsReported) {
  node_.apply("node.yaml", nodeManifest("podCIDRs: [10.244.9.0/24]"));
  start();
  ASSERT_TRUE(comes([&] { return told().at("written").get<bool>(); }));
  EXPECT_EQ(told().at("shadowedBy"), "");
  const auto other = (confDir() / "05-flannel.conflist").string();
  node::writeFile(other, "{}", 0644);
  ASSERT_TRUE(comes([&] { return told().at("shadowedBy") == other; }));
  EXPECT_NE(node_.kpolctl({"status"}).out.find("delete or rename " + other), std::string::npos);
  EXPECT_NE(node_.log().find("another network's config is used instead"), std::string::npos);
  std::filesystem::remove(other);
  EXPECT_TRUE(comes([&] { return told().at("shadowedBy") == ""; }));
}

TEST_F(NodeFiles, NetworkConfigIsNotChangedWhilePodsHaveOldAddresses) {
  node_.apply("node.yaml", nodeManifest("podCIDRs: [10.244.9.0/24]"));
  start();
  ASSERT_TRUE(comes([&] { return isThere(); }));
  const auto before = node::readFile(conflist());
  const auto pod = node_.makePod({"shop", "a"});
  ASSERT_EQ(call("ADD", pod).status, 0);

  node_.apply("node.yaml", nodeManifest("podCIDRs: [10.244.7.0/24]"));
  ASSERT_TRUE(comes([&] { return told().at("trouble") != ""; }));
  EXPECT_NE(told().at("trouble").get<std::string>().find(
                "not changed: the node's pod CIDRs are now 10.244.7.0/24, but pods have other"),
            std::string::npos);
  EXPECT_NE(node_.log().find("not changed: "), std::string::npos);
  EXPECT_NE(node_.kpolctl({"status"}).out.find("drain the node"), std::string::npos);
  EXPECT_EQ(node::readFile(conflist()), before);

  EXPECT_EQ(call("DEL", pod).status, 0);
  EXPECT_TRUE(comes([&] { return node::readFile(conflist()) != before; }));
  EXPECT_NE(node::readFile(conflist())->find("10.244.7.0/24"), std::string::npos);
}

TEST_F(NodeFiles, ReadOnlyDirectoryIsReportedAndRetried) {
  std::filesystem::create_directory(confDir());
  ASSERT_EQ(::mount("none", confDir().c_str(), "tmpfs", MS_RDONLY, nullptr), 0);
  node_.apply("node.yaml", nodeManifest("podCIDRs: [10.244.9.0/24]"));
  start();
  ASSERT_TRUE(comes([&] { return told().at("trouble") != ""; }));
  EXPECT_NE(told().at("trouble").get<std::string>().find("Read-only file system"),
            std::string::npos);
  ASSERT_EQ(::mount("none", confDir().c_str(), "tmpfs", MS_REMOUNT, nullptr), 0);
  EXPECT_TRUE(comes([&] { return isThere(); }));
  node_.stopKpold(SIGTERM);
  ::umount2(confDir().c_str(), MNT_DETACH);
}

TEST_F(NodeFiles, ThePluginIsInstalledByKpold) {
  const auto install = [&](std::vector<std::string> extra = {}) {
    std::vector<std::string> argv{KPOLD_BINARY, "--install-cni", "--cni-bin-dir",
                                  node_.directory() / "bin"};
    argv.insert(argv.end(), extra.begin(), extra.end());
    return run(argv);
  };
  const auto target = node_.directory() / "bin" / "kpol";
  const auto first = install({"--plugin-binary", KPOL_BINARY});
  EXPECT_EQ(first.status, 0) << first.err;
  EXPECT_NE(first.err.find("plugin installed file=" + target.string()), std::string::npos);
  EXPECT_EQ(node::readFile(target), node::readFile(KPOL_BINARY));
  const auto again = install({"--plugin-binary", KPOL_BINARY});
  EXPECT_EQ(again.status, 0);
  EXPECT_NE(again.err.find("plugin already installed file="), std::string::npos);
  // It runs from there.
  const auto version = run({target}, R"({"cniVersion":"1.0.0"})", {{"CNI_COMMAND", "VERSION"}});
  EXPECT_EQ(version.status, 0) << version.out;

  // Beside this kpold there is none.
  const auto none = install();
  EXPECT_EQ(none.status, 1);
  EXPECT_NE(none.err.find("set --plugin-binary to the path of kpol"), std::string::npos)
      << none.err;

  ASSERT_EQ(::mount("none", (node_.directory() / "bin").c_str(), "tmpfs", MS_RDONLY, nullptr), 0);
  const auto readOnly = install({"--plugin-binary", KPOL_BINARY});
  EXPECT_EQ(readOnly.status, 1);
  EXPECT_NE(readOnly.err.find("Read-only file system"), std::string::npos) << readOnly.err;
  ::umount2((node_.directory() / "bin").c_str(), MNT_DETACH);
}

TEST_F(NodeFiles, RunningPluginIsReplaced) {
  const auto target = node_.directory() / "bin" / "kpol";
  const std::vector<std::string> install{KPOLD_BINARY,         "--install-cni",   "--cni-bin-dir",
                                         target.parent_path(), "--plugin-binary", KPOL_BINARY};
  ASSERT_EQ(run(install).status, 0);
  // It waits for a pod that kpold does not know, while another version is installed.
  start();
  auto pod = node_.makePod({"shop", "late"});
  std::string answer;
  std::thread slow([&] {
    answer = run({target}, node_.networkConfig(),
                 {{"CNI_COMMAND", "ADD"},
                  {"CNI_CONTAINERID", pod.containerId},
                  {"CNI_NETNS", pod.netns->path()},
                  {"CNI_IFNAME", "eth0"},
                  {"CNI_PATH", target.parent_path()},
                  {"CNI_ARGS", "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=late"}})
                 .out;
  });
  // Its interface is there: it has begun.
  EXPECT_TRUE(comes([&] {
    return node_.log().find("container=" + pod.containerId) != std::string::npos ||
           node_.get("/v1/attachments").find(pod.containerId) != std::string::npos;
  }));
  node::writeFile(target, *node::readFile(KPOL_BINARY) + "newer", 0755);
  EXPECT_EQ(run(install).status, 0);
  node_.apply("late.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {namespace: shop, name: late}\n");
  slow.join();
  EXPECT_NE(answer.find("\"ips\""), std::string::npos) << answer;
  EXPECT_EQ(node::readFile(target), node::readFile(KPOL_BINARY));
}

}  // namespace
}  // namespace kpol::test
