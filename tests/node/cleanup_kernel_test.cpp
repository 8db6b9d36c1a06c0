// SPDX-License-Identifier: Apache-2.0
// `kpold --cleanup` on a node with pods that the real plugin and kpold have added.
#include "netlink/route_socket.hpp"
#include "node/atomic_file.hpp"
#include "tests/support/node.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mount.h>
#include <sys/socket.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <set>
#include <thread>

namespace kpol::test {
namespace {

using namespace std::chrono_literals;

constexpr const char* kObjects = R"(
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Node, metadata: {name: node}, spec: {podCIDRs: [10.244.1.0/24, 'fd00:10:244:1::/64']}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: a}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: b}}
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata: {namespace: shop, name: deny}
  spec: {podSelector: {}}
)";
constexpr const char* kLimits =
    R"({"bandwidth":{"ingressRate":8000000,"ingressBurst":8000000,"egressRate":8000000,"egressBurst":8000000}})";

std::string output(const std::vector<std::string>& argv) {
  const auto result = run(argv);
  EXPECT_EQ(result.status, 0) << argv[0] << ": " << result.err;
  return result.out;
}

// The objects of this network namespace as text. The kernel adds a link's own addresses after
// duplicate address detection.
std::string withoutLinkLocal(const std::string& routes) {
  std::istringstream lines(routes);
  std::string rest;
  for (std::string line; std::getline(lines, line);)
    if (line.find("fe80:") == line.npos) rest += line + "\n";
  return rest;
}

std::string kernelState() {
  return output({"ip", "-o", "link"}) +
         withoutLinkLocal(output({"ip", "route", "show", "table", "all"})) +
         withoutLinkLocal(output({"ip", "-6", "route", "show", "table", "all"})) +
         output({"ip", "rule"}) + output({"ip", "-6", "rule"}) +
         output({"ip", "neigh", "show", "nud", "permanent"}) + output({"nft", "list", "ruleset"});
}

std::set<std::string> filesBelow(const std::filesystem::path& directory) {
  std::set<std::string> files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(directory))
    files.insert(std::filesystem::relative(entry.path(), directory));
  return files;
}

sockaddr_in addressOf(const base::IpAddress& ip) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(4000);
  std::memcpy(&address.sin_addr, ip.bytes().data(), 4);
  return address;
}

base::UniqueFd socketIn(const NodePod& pod, const base::IpAddress& ip) {
  const auto netns = pod.netns->open();
  const auto inside = netns.enter();
  base::UniqueFd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  const auto address = addressOf(ip);
  EXPECT_EQ(::bind(fd.value(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  return fd;
}

class Cleanup : public testing::Test {
 protected:
  Cleanup() {
    std::filesystem::create_directory(node_.directory() / "bin");
    std::filesystem::create_directory(node_.directory() / "net.d");
    node::writeFile(node_.directory() / "net.d" / "99-other.conflist", "{}", 0644);
    node::writeFile(node_.directory() / "bin" / "loopback", "theirs", 0755);
    node_.apply("objects.yaml", kObjects);
    // Forwarding stays enabled, because other programs may need it; the kernel adds routes for it.
    for (const char* file : {"ipv4/ip_forward", "ipv6/conf/all/forwarding"})
      std::ofstream(std::string("/proc/sys/net/") + file) << "1";
  }

  [[nodiscard]] std::string conflist() const {
    return node_.directory() / "net.d" / "10-kpol.conflist";
  }
  void start() { node_.startKpold({"--cni-conf-dir", node_.directory() / "net.d"}); }
  void install() const {
    output({KPOLD_BINARY, "--install-cni", "--cni-bin-dir", node_.directory() / "bin",
            "--plugin-binary", KPOL_BINARY});
  }
  // A node as it is after some use: two pods, one with limits.
  void use() {
    install();
    start();
    node_.add({"shop", "a"}, kLimits);
    node_.add({"shop", "b"});
    for (int i = 0; i < 2000 && !std::filesystem::exists(conflist()); ++i)
      std::this_thread::sleep_for(5ms);
  }
  // kpold is stopped and its routes to other nodes are kept; a running kpold would delete those
  // that its Nodes do not need.
  void stop(int signal, int code) {
    ASSERT_EQ(node_.stopKpold(signal), code);
    for (const char* name : {"vxlan.kpol", "vxlan.other"})
      output({"ip", "link", "add", name, "type", "vxlan", "id", name[6] == 'k' ? "7" : "8",
              "dstport", name[6] == 'k' ? "8472" : "4789"});
    output({"ip", "route", "add", "10.244.2.0/24", "via", "192.0.2.2", "proto", "107"});
    for (const char* own : {"10.244.9.0/24", "fd00:10:244:9::/64"})
      output({"ip", "route", "add", "unreachable", own, "proto", "107", "metric", "1048576"});
    output({"ip", "route", "add", "10.244.3.0/24", "via", "192.0.2.2", "proto", "static"});
  }
  // Third-party objects that must be kept.
  static void useByOthers() {
    output({"nft", "add", "table", "inet", "others"});
    output({"ip", "link", "add", "kpolish", "type", "veth", "peer", "name", "kpbw0"});
  }
  static void leaveOthers() {
    output({"ip", "link", "del", "vxlan.other"});
    output({"ip", "route", "del", "10.244.3.0/24"});
  }
  [[nodiscard]] ProcessResult cleanUp(const std::vector<std::string>& extra = {},
                                      const std::string& socket = {}) const {
    std::vector<std::string> argv{KPOLD_BINARY,     "--cleanup",
                                  "--cni-conf-dir", node_.directory() / "net.d",
                                  "--cni-bin-dir",  node_.directory() / "bin",
                                  "--state-dir",    node_.stateDirectory(),
                                  "--socket",       socket.empty() ? node_.socket() : socket};
    argv.insert(argv.end(), extra.begin(), extra.end());
    return run(argv);
  }
  static bool tableExists() { return run({"nft", "list", "table", "inet", "kpol"}).status == 0; }
  static std::size_t podLinks() {
    std::size_t count = 0;
    for (const auto& link : netlink::RouteSocket().links())
      if (link.name.text().starts_with("kpol") && link.alias != "") ++count;
    return count;
  }

  Node node_;
};

TEST_F(Cleanup, RemovesEverythingOfKpol) {
  useByOthers();
  const auto kernelBefore = kernelState();
  const auto filesBefore = filesBelow(node_.directory());
  use();
  EXPECT_EQ(podLinks(), 2U);
  EXPECT_TRUE(std::filesystem::exists(conflist()));
  stop(SIGKILL, 128 + SIGKILL);
  ASSERT_TRUE(tableExists());

  const auto dry = cleanUp({"--dry-run"});
  EXPECT_EQ(dry.status, 0) << dry.err;
  EXPECT_EQ(podLinks(), 2U);
  EXPECT_TRUE(tableExists());
  EXPECT_TRUE(std::filesystem::exists(conflist()));

  const auto real = cleanUp();
  ASSERT_EQ(real.status, 0) << real.err << node_.log();
  // It did what it printed with --dry-run.
  std::string said = dry.out;
  for (auto at = said.find("would remove"); at != said.npos; at = said.find("would remove"))
    said.replace(at, 12, "removed");
  EXPECT_EQ(real.out, said);
  for (const char* part :
       {"network config ", "interfaces of pods: kp", "device vxlan.kpol", "route to 10.244.2.0/24",
        "table inet kpol", "leases and attachments", "socket ", "plugin "})
    EXPECT_NE(real.out.find(std::string("removed ") + part), real.out.npos) << part << real.out;

  leaveOthers();
  auto filesAfter = filesBelow(node_.directory());
  for (const char* noise : {"kpold.log", "netns/container1", "netns/container2"})
    filesAfter.erase(noise);
  // The state directory was there before.
  filesAfter.insert("state");
  EXPECT_EQ(filesAfter, filesBefore);
  EXPECT_EQ(kernelState(), kernelBefore);
  output({"ip", "link", "del", "kpolish"});
  output({"nft", "delete", "table", "inet", "others"});

  const auto again = cleanUp();
  EXPECT_EQ(again.status, 0);
  EXPECT_EQ(again.out, "nothing to remove: kpol left nothing on this node\n");
  filesAfter = filesBelow(node_.directory());
  EXPECT_FALSE(filesAfter.contains("kpold.sock.lock"));
}

TEST_F(Cleanup, FailsWhileKpoldRuns) {
  use();
  const auto refused = cleanUp();
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.err.find("a kpold runs on this node and listens on " + node_.socket() +
                             "; stop it first"),
            refused.err.npos)
      << refused.err;
  // One with another socket is known by the table that it holds.
  const auto other = cleanUp({}, node_.directory() / "other.sock");
  EXPECT_EQ(other.status, 1);
  EXPECT_NE(other.err.find("a kpold runs on this node; stop it first"), other.err.npos)
      << other.err;
  EXPECT_FALSE(std::filesystem::exists(node_.directory() / "other.sock.lock"));
  EXPECT_EQ(podLinks(), 2U);
  EXPECT_TRUE(std::filesystem::exists(conflist()));
  EXPECT_EQ(node_.get("/v1/status").find("\"ready\":true") != std::string::npos, true);
}

// The holder may be stopped before or after.
TEST_F(Cleanup, RemovesATableThatIsHeld) {
  Background holder({KPOLD_BINARY, "hold", "--socket", node_.socket()},
                    node_.directory() / "holder.log");
  use();
  for (int i = 0; i < 2000 && node_.get("/v1/status").find("\"held\":true") == std::string::npos;
       ++i)
    std::this_thread::sleep_for(5ms);
  stop(SIGKILL, 128 + SIGKILL);
  EXPECT_NE(run({"nft", "delete", "table", "inet", "kpol"}).status, 0);
  EXPECT_EQ(cleanUp({"--dry-run"}).status, 0);
  const auto result = cleanUp();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_FALSE(tableExists());
  EXPECT_FALSE(std::filesystem::exists(node_.socket() + ".hold"));
  EXPECT_TRUE(holder.running());
  leaveOthers();
}

// The table must outlive every interface: whoever watches sees the pods go first.
TEST_F(Cleanup, DeletesTheTableAfterThePodInterfaces) {
  use();
  stop(SIGTERM, 0);
  const auto* a = node_.find({"shop", "a"});
  const auto* b = node_.find({"shop", "b"});
  // The policy denies all ingress; were the table to go first, these would arrive.
  const auto receiver = socketIn(*b, b->ip(base::Family::V4));
  std::atomic<bool> done = false;
  std::atomic<int> sent = 0;
  std::thread sender([&] {
    const auto socket = socketIn(*a, a->ip(base::Family::V4));
    const auto to = addressOf(b->ip(base::Family::V4));
    while (!done)
      if (::sendto(socket.value(), "x", 1, MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&to),
                   sizeof to) == 1)
        ++sent;
  });
  while (sent < 1000) std::this_thread::yield();
  const auto result = cleanUp();
  done = true;
  sender.join();
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_LT(::recv(receiver.value(), nullptr, 0, MSG_DONTWAIT), 0) << "arrived; sent " << sent;
  EXPECT_EQ(podLinks(), 0U);
  EXPECT_LT(result.out.find("interfaces of pods"), result.out.find("table inet kpol"));
  // The pods are cut, not only filtered.
  {
    const auto netns = a->netns->open();
    const auto inside = netns.enter();
    EXPECT_FALSE(netlink::RouteSocket().findLink(*base::IfName::parse("eth0")));
  }
  leaveOthers();
}

TEST_F(Cleanup, StopsAtAnErrorAndContinuesNextTime) {
  use();
  stop(SIGTERM, 0);
  const auto netD = node_.directory() / "net.d";
  ASSERT_EQ(::mount(netD.c_str(), netD.c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount("none", netD.c_str(), nullptr, MS_REMOUNT | MS_BIND | MS_RDONLY, nullptr), 0);
  const auto failed = cleanUp();
  EXPECT_EQ(failed.status, 1);
  EXPECT_NE(failed.err.find("cannot remove the network config"), failed.err.npos) << failed.err;
  EXPECT_NE(failed.err.find("Read-only file system"), failed.err.npos) << failed.err;
  EXPECT_EQ(podLinks(), 2U);
  EXPECT_TRUE(tableExists());
  ::umount2(netD.c_str(), MNT_DETACH);
  EXPECT_EQ(cleanUp().status, 0);
  EXPECT_EQ(podLinks(), 0U);
  EXPECT_FALSE(tableExists());
  leaveOthers();
}

TEST_F(Cleanup, KeepsAThirdPartyPluginOfTheSameName) {
  node::writeFile(node_.directory() / "bin" / "kpol", "#!/bin/sh\n", 0755);
  EXPECT_EQ(cleanUp().out, "nothing to remove: kpol left nothing on this node\n");
  EXPECT_TRUE(std::filesystem::exists(node_.directory() / "bin" / "kpol"));
}

}  // namespace
}  // namespace kpol::test
