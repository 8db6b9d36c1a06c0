// SPDX-License-Identifier: Apache-2.0
#include "tests/plugin/plugin_node.hpp"

#include "base/error.hpp"
#include "ipam/lease_store.hpp"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

namespace kpol::test {
namespace {

constexpr std::chrono::seconds kLinkPatience{5};

void must(int result, const std::string& what) {
  if (result < 0) throw base::SystemError(what, errno);
}

bool isOurs(const netlink::Link& link) {
  return (link.kind == "veth" && link.name.text().starts_with("kpol")) ||
         (link.kind == "ifb" && link.name.text().starts_with("kpbw"));
}

}  // namespace

PodNamespace::PodNamespace(std::string path) : path_(std::move(path)) {
  const base::UniqueFd made(::open(path_.c_str(), O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0600));
  must(made.value(), "make " + path_);
  const auto node = netlink::Netns::current();
  const auto back = node.enter();  // returns to the node's namespace at the end
  must(::unshare(CLONE_NEWNET), "make a network namespace");
  must(::mount("/proc/thread-self/ns/net", path_.c_str(), nullptr, MS_BIND, nullptr),
       "bind " + path_);
}

PodNamespace::~PodNamespace() {
  vanish();
}

void PodNamespace::vanish() {
  ::umount2(path_.c_str(), MNT_DETACH);
  ::unlink(path_.c_str());
}

netlink::RouteSocket PodNamespace::routeSocket() const {
  const auto pod = open();
  const auto inside = pod.enter();
  return {};
}

// The node does not forward until its first pod is there.
PluginNode::PluginNode() {
  for (const char* path :
       {"/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"})
    writeFile(path, "0");
}

PluginNode::~PluginNode() {
  EXPECT_EQ(leftovers(), "") << "the test must delete what it adds";
}

PodNamespace& PluginNode::podNamespace(const std::string& id) {
  auto& pod = pods_[id];
  if (!pod) pod = std::make_unique<PodNamespace>(directory_.file("netns-" + id));
  return *pod;
}

std::string PluginNode::config(Families families, const std::string& more,
                               const std::string& version) const {
  std::string ranges;
  if (families != Families::V6) ranges += R"(["10.244.1.0/24"])";
  if (families == Families::Dual) ranges += ",";
  if (families != Families::V4) ranges += R"(["fd00:10:244:1::/64"])";
  return R"({"cniVersion":")" + version + R"(","name":"pods","type":"kpol","stateDir":")" +
         directory_.path() + R"(","policy":"none","ipam":{"type":"kpol","ranges":[)" + ranges +
         "]}" + more + "}";
}

std::string PluginNode::enforcedConfig(const std::string& socket) const {
  return config(Families::Dual,
                R"(,"policy":"required","policyTimeout":5,"socket":")" + socket + "\"");
}

Environment PluginNode::environmentFor(const std::string& command, const std::string& id) {
  return {{"CNI_COMMAND", command},
          {"CNI_CONTAINERID", id},
          {"CNI_NETNS", podNamespace(id).path()},
          {"CNI_IFNAME", "eth0"},
          {"CNI_ARGS", "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=" + id},
          {"CNI_PATH", directory_.file("bin")}};
}

ProcessResult PluginNode::call(const std::string& command, const std::string& id,
                               const std::string& config, const Environment& extra) {
  auto environment = environmentFor(command, id);
  for (const auto& [name, value] : extra) environment[name] = value;
  return run({KPOL_BINARY}, config, environment);
}

conf::CniResult PluginNode::add(const std::string& id, const std::string& config) {
  const auto result = call("ADD", id, config);
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_EQ(result.err, "");
  if (result.status != 0) return {};
  return conf::parseResult(result.out, "result");
}

void PluginNode::del(const std::string& id, const std::string& config) {
  const auto result = call("DEL", id, config);
  EXPECT_EQ(result.status, 0) << result.out << result.err;
  EXPECT_EQ(result.out, "");
}

conf::CniError PluginNode::errorOf(const std::string& command, const std::string& id,
                                   const std::string& config) {
  const auto result = call(command, id, config);
  EXPECT_EQ(result.status, 1) << result.out << result.err;
  EXPECT_NE(result.err, "");
  return conf::parseError(result.out);
}

std::string PluginNode::withPrevious(const std::string& config, const std::string& output) {
  return config.substr(0, config.rfind('}')) + R"(,"prevResult":)" + output + "}";
}

std::string PluginNode::leases() const {
  std::string text;
  for (const auto& [id, lease] : ipam::LeaseStore::open(directory_.path()).leases())
    text += "lease " + id.containerId + " " + id.ifName + "\n";
  return text;
}

std::string PluginNode::leftovers() const {
  netlink::RouteSocket node;
  const auto linkNames = [&] {
    std::string text;
    for (const auto& departure : ipam::readLeases(directory_.path()).departures)
      text += "departure " + departure.lease.id.containerId + "\n";
    for (const auto& link : node.links())
      if (isOurs(link)) text += "link " + link.name.text() + "\n";
    return text;
  };
  const auto deadline = std::chrono::steady_clock::now() + kLinkPatience;
  std::string text = linkNames();
  while (!text.empty() && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
    text = linkNames();
  }
  for (const auto& route : node.routes())
    if (route.protocol != 2)  // RTPROT_KERNEL
      text += "route " + toString(route.destination) + "\n";
  for (const auto& neighbour : node.neighbours())
    if (neighbour.permanent) text += "neighbour " + toString(neighbour.address) + "\n";
  return text + leases();
}

}  // namespace kpol::test
