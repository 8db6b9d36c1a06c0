// SPDX-License-Identifier: Apache-2.0
#include "tests/support/node.hpp"

#include "base/error.hpp"
#include "control/client.hpp"
#include "netlink/route_socket.hpp"

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

namespace kpol::test {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;

void mustSucceed(int result, const std::string& what) {
  if (result < 0) throw base::SystemError(what, errno);
}

std::filesystem::path makeNodeDirectory() {
  std::string pattern = std::filesystem::temp_directory_path() / "kpol-node-XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) throw base::SystemError("make " + pattern, errno);
  return pattern;
}

void addAddress(netlink::RouteSocket& socket, base::IfIndex link, const base::IpAddress& ip) {
  socket.addAddress({link, ip, static_cast<std::uint8_t>(ip.isV4() ? 24 : 64), !ip.isV4()});
}

// The link's own IPv6 address is usable at once. Otherwise the kernel would solicit no neighbour
// for up to two seconds, and give up the first packets.
void skipAddressDetection(const std::string& link) {
  std::ofstream file("/proc/sys/net/ipv6/conf/" + link + "/accept_dad");
  if (!(file << "0" << std::flush)) throw std::runtime_error("cannot write accept_dad of " + link);
}

// Default routes of the neighbour outside: everything is behind the node.
void addDefaultRoute(netlink::RouteSocket& socket, base::IfIndex link, const base::IpAddress& via) {
  const auto any = base::Prefix::parse(via.isV4() ? "0.0.0.0/0" : "::/0");
  netlink::Route route{*any, via, link, {}};
  socket.addRoute(route);
}

}  // namespace

TestNetns::TestNetns(std::filesystem::path file) : path_(std::move(file)) {
  const base::UniqueFd made(::open(path_.c_str(), O_CREAT | O_EXCL | O_RDONLY | O_CLOEXEC, 0600));
  mustSucceed(made.value(), "make " + path_);
  const auto self = netlink::Netns::current();
  {
    const auto back = self.enter();  // restores this thread's namespace at the end of the block
    mustSucceed(unshare(CLONE_NEWNET), "make a network namespace");
    mustSucceed(mount("/proc/thread-self/ns/net", path_.c_str(), nullptr, MS_BIND, nullptr),
                "bind " + path_);
    netlink::RouteSocket socket;
    socket.setUp({1});  // lo
  }
}

TestNetns::~TestNetns() {
  umount2(path_.c_str(), MNT_DETACH);
  unlink(path_.c_str());
}

base::IpAddress NodePod::ip(base::Family family) const {
  for (const auto& address : ips)
    if (address.family() == family) return address;
  throw std::runtime_error("pod " + toString(key) + " has no address of that family");
}

base::IpAddress Node::nodeIp(base::Family family) {
  return *base::IpAddress::parse(family == base::Family::V4 ? "192.0.2.1" : "2001:db8:2::1");
}
base::IpAddress Node::outsideIp(base::Family family) {
  return *base::IpAddress::parse(family == base::Family::V4 ? "192.0.2.2" : "2001:db8:2::2");
}

Node::Node(NodeOptions options) : options_(std::move(options)), directory_(makeNodeDirectory()) {
  for (const char* part : {"state", "manifests", "netns"})
    std::filesystem::create_directory(directory_ / part);
  if (options_.outside) connectOutside();
}

Node::~Node() {
  kpold_.reset();
  pods_.clear();
  outside_.reset();
  netlink::RouteSocket socket;
  for (const auto& link : socket.links())
    if (link.name.text() == "eth0" || link.name.text().starts_with("kpol"))
      socket.deleteLink(link.index);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Node::connectOutside() {
  outside_ = std::make_unique<TestNetns>(directory_ / "netns" / "outside");
  const auto netns = outside_->open();
  const auto name = *base::IfName::parse("eth0");
  netlink::RouteSocket here;
  here.addVeth({name, *base::MacAddress::parse("02:00:00:00:02:01"), name,
                *base::MacAddress::parse("02:00:00:00:02:02"), 0, netns.fd(), ""});
  const auto mine = here.findLink(name)->index;
  skipAddressDetection(name.text());
  here.setUp(mine);
  const auto guard = netns.enter();
  netlink::RouteSocket there;
  const auto theirs = there.findLink(name)->index;
  skipAddressDetection(name.text());
  there.setUp(theirs);
  for (const auto family : {base::Family::V4, base::Family::V6}) {
    addAddress(here, mine, nodeIp(family));
    addAddress(there, theirs, outsideIp(family));
    addDefaultRoute(there, theirs, nodeIp(family));
  }
}

void Node::startKpold(const std::vector<std::string>& extra) {
  std::vector<std::string> argv{
      KPOLD_BINARY,           "--socket",    socket(),      "--state-dir",
      stateDirectory(),       "--node-name", options_.name, "--metrics-listen",
      options_.metricsListen, "--log-level", "debug"};
  std::vector<std::string> source{"--source", "dir:" + (directory_ / "manifests").string()};
  if (options_.source) source = options_.source(directory_);
  argv.insert(argv.end(), source.begin(), source.end());
  argv.insert(argv.end(), options_.kpoldArguments.begin(), options_.kpoldArguments.end());
  argv.insert(argv.end(), extra.begin(), extra.end());
  if (options_.launcher) {
    const auto prefix = options_.launcher(directory_);
    argv.insert(argv.begin(), prefix.begin(), prefix.end());
  }
  kpold_ = std::make_unique<Background>(argv, directory_ / "kpold.log");
  for (const auto deadline = std::chrono::steady_clock::now() + 20s;
       std::chrono::steady_clock::now() < deadline; std::this_thread::sleep_for(10ms)) {
    if (!kpold_->running()) break;
    try {
      const auto response = control::request(socket(), "GET", "/v1/status", "", 1s);
      if (response.status == 200 && json::parse(response.body).at("ready").get<bool>()) return;
    } catch (const control::Unreachable&) {
      continue;  // not listening yet
    }
  }
  throw std::runtime_error("kpold did not become ready:\n" + log());
}

int Node::stopKpold(int signal) {
  kpold_->signal(signal);
  const int code = kpold_->wait();
  kpold_.reset();
  return code;
}

bool Node::kpoldRuns() {
  return kpold_ && kpold_->running();
}

void Node::apply(const std::string& file, const std::string& text) const {
  const auto target = directory_ / "manifests" / file;
  const auto temporary = directory_ / "manifests" / ("." + file + ".tmp");
  std::ofstream(temporary) << text;
  std::filesystem::rename(temporary, target);
}

void Node::remove(const std::string& file) const {
  std::filesystem::remove(directory_ / "manifests" / file);
}

void Node::sync() const {
  const auto response = control::request(socket(), "POST", "/v1/sync?timeout=20", "", 30s);
  if (response.status != 200)
    throw std::runtime_error("sync failed: " + response.body + "\n" + log());
}

namespace {

Environment pluginEnvironment(const std::string& command, const NodePod& pod) {
  return {{"CNI_COMMAND", command},
          {"CNI_CONTAINERID", pod.containerId},
          {"CNI_NETNS", pod.netns->path()},
          {"CNI_IFNAME", "eth0"},
          {"CNI_PATH", std::filesystem::path(KPOL_BINARY).parent_path()},
          {"CNI_ARGS",
           "IgnoreUnknown=1;K8S_POD_NAMESPACE=" + pod.key.ns + ";K8S_POD_NAME=" + pod.key.name}};
}

}  // namespace

std::string Node::networkConfig(const std::string& prevResult, const std::string& policy,
                                const std::string& runtimeConfig) const {
  json ranges = json::array();
  if (!options_.ipv4.empty()) ranges.push_back({options_.ipv4});
  if (!options_.ipv6.empty()) ranges.push_back({options_.ipv6});
  json config{{"cniVersion", "1.0.0"},
              {"name", "kpol"},
              {"type", "kpol"},
              {"mtu", 1450},
              {"ipam", {{"type", "kpol"}, {"ranges", ranges}}},
              {"stateDir", stateDirectory().string()},
              {"socket", socket()},
              {"policy", policy.empty() ? options_.policy : policy}};
  if (!prevResult.empty()) config["prevResult"] = json::parse(prevResult);
  if (!runtimeConfig.empty()) config["runtimeConfig"] = json::parse(runtimeConfig);
  return config.dump();
}

ProcessResult Node::plugin(const std::string& command, const NodePod& pod,
                           const std::string& prevResult) const {
  return plugin(command, pod, networkConfig(prevResult).c_str());
}

ProcessResult Node::plugin(const std::string& command, const NodePod& pod, const char* config) {
  return run({KPOL_BINARY}, config, pluginEnvironment(command, pod));
}

void Node::pluginKilledAfter(const std::string& command, const NodePod& pod,
                             std::chrono::microseconds time) const {
  const auto seconds = std::to_string(static_cast<double>(time.count()) / 1e6);
  run({"timeout", "--signal=KILL", seconds, KPOL_BINARY}, networkConfig(),
      pluginEnvironment(command, pod));
}

NodePod Node::makePod(const base::ObjectKey& key) {
  NodePod pod;
  pod.key = key;
  pod.containerId = "container" + std::to_string(++made_);
  pod.netns = std::make_unique<TestNetns>(directory_ / "netns" / pod.containerId);
  return pod;
}

NodePod& Node::add(const base::ObjectKey& key, const std::string& runtimeConfig) {
  auto pod = makePod(key);
  const auto result = plugin("ADD", pod, networkConfig({}, {}, runtimeConfig).c_str());
  if (result.status != 0)
    throw std::runtime_error("ADD of " + toString(key) + ": " + result.out + result.err);
  const auto answer = json::parse(result.out);
  for (const auto& ip : answer.at("ips")) {
    const auto text = ip.at("address").get<std::string>();
    pod.ips.push_back(*base::IpAddress::parse(text.substr(0, text.find('/'))));
  }
  std::sort(pod.ips.begin(), pod.ips.end());
  return pods_.insert_or_assign(key, std::move(pod)).first->second;
}

void Node::del(const base::ObjectKey& key) {
  const auto& pod = pods_.at(key);
  const auto result = plugin("DEL", pod);
  if (result.status != 0)
    throw std::runtime_error("DEL of " + toString(key) + ": " + result.out + result.err);
  pods_.erase(key);
}

NodePod* Node::find(const base::ObjectKey& key) {
  const auto found = pods_.find(key);
  return found == pods_.end() ? nullptr : &found->second;
}

std::string Node::get(const std::string& target) const {
  return control::request(socket(), "GET", target, "", 10s).body;
}

ProcessResult Node::kpolctl(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), {KPOLCTL_BINARY, "--socket", socket()});
  return run(arguments);
}

std::string Node::log() const {
  std::ifstream in(directory_ / "kpold.log");
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace kpol::test
