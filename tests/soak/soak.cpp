// SPDX-License-Identifier: Apache-2.0
// Thousands of starts and ends of pods on one node, with accidents: kpold and the plugin are
// killed, the disk is full, the API server is away, other nodes lie about their addresses, policies
// come and go. At the end, and at each pause in between, everything that belongs to an ended pod is
// gone, everything of a running pod is there, and policies hold. In the second half kpold is not
// killed: its memory and its descriptors must not grow.
//
//   soak [--minutes N] [--starts N] [--pods N] [--seed N]
#include "base/error.hpp"
#include "ipam/lease_store.hpp"
#include "netlink/route_socket.hpp"
#include "tests/controller/cluster_api.hpp"
#include "tests/support/node.hpp"
#include "tests/support/udp.hpp"

#include <nlohmann/json.hpp>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace kpol {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct Options {
  unsigned minutes = 20;
  unsigned starts = 10'000;
  unsigned pods = 40;  // at most so many at a time
  unsigned seed = 1;
};

constexpr unsigned kStepsBetweenChecks = 500;
constexpr unsigned kStepsBetweenAccidents = 50;
constexpr std::uint16_t kPort = 7777;
constexpr double kMostGrowthMiB = 2;
constexpr const char* kOwnNode =
    R"("uid":"n"},"spec":{"podCIDR":"10.244.1.0/24","podCIDRs":["10.244.1.0/24","fd00:10:244:1::/64"]},)"
    R"("status":{"addresses":[{"type":"InternalIP","address":"192.0.2.1"}]})";
// Claims addresses of pods, and of the other nodes' ranges.
constexpr const char* kLyingNode =
    R"("uid":"l"},"spec":{"podCIDR":"10.244.1.128/25"},)"
    R"("status":{"addresses":[{"type":"InternalIP","address":"10.244.1.7"},)"
    R"({"type":"InternalIP","address":"10.244.2.1"}]})";
constexpr const char* kOtherNode =
    R"("uid":"o"},"spec":{"podCIDR":"10.244.2.0/24"},)"
    R"("status":{"addresses":[{"type":"InternalIP","address":"192.0.2.2"}]})";
// Pods with app=closed admit only pods with app=friend.
constexpr const char* kClosed =
    R"("namespace":"shop"},"spec":{"podSelector":{"matchLabels":{"app":"closed"}},)"
    R"("ingress":[{"from":[{"podSelector":{"matchLabels":{"app":"friend"}}}]}]})";

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

std::string podText(const std::string& name, const std::string& app) {
  return R"("namespace":"shop","uid":")" + name + R"(","labels":{"app":")" + app +
         R"("}},"spec":{"nodeName":"node","containers":[{"name":"c"}]})";
}

struct Pod {
  test::NodePod sandbox;
  std::string app;
};

double residentMiB(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/statm");
  long pages = 0;
  long resident = 0;
  file >> pages >> resident;
  return static_cast<double>(resident) * 4096 / (1U << 20U);
}
std::size_t countFiles(const fs::path& directory) {
  std::error_code ignored;
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory, ignored), fs::directory_iterator()));
}

// A file system of its own for the state directory, which can be filled.
class SmallDisk {
 public:
  explicit SmallDisk(fs::path path) : path_(std::move(path)) {
    if (::mount("soak", path_.c_str(), "tmpfs", 0, "size=4m") != 0)
      throw base::SystemError("mount " + path_.string(), errno);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() { ::umount2(path_.c_str(), MNT_DETACH); }
  void fill() const {
    std::ofstream file(path_ / "full", std::ios::app);
    const std::string block(4096, 'x');
    while (file << block << std::flush) continue;
  }
  void free() const { fs::remove(path_ / "full"); }

 private:
  fs::path path_;
};

class Soak {
 public:
  explicit Soak(const Options& options)
      : options_(options),
        random_(options.seed),
        node_(nodeOptions()),
        disk_(node_.stateDirectory()) {
    std::ofstream(node_.directory() / "token") << test::kToken;
    std::ofstream(node_.directory() / "ca") << api_.authority();
    std::ofstream(node_.directory() / "kubeconfig")
        << "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
           "contexts: [{name: c, context: {cluster: k, user: u}}]\n"
           "clusters: [{name: k, cluster: {server: 'https://127.0.0.1:"
        << api_.port()
        << "', certificate-authority: ca}}]\nusers: [{name: u, user: {tokenFile: token}}]\n";
    api_.inside([this] {
      api_.namespaces.put("shop", R"("labels":{"kubernetes.io/metadata.name":"shop"}})");
      api_.nodes.put("node", kOwnNode);
      api_.policies.put("closed", kClosed);
    });
    startKpold();
  }

  void run() {
    const auto begun = Clock::now();
    const auto end = begun + std::chrono::minutes(options_.minutes);
    while (starts_ < options_.starts && Clock::now() < end) {
      if (2 * starts_ >= options_.starts || Clock::now() > begun + (end - begun) / 2) settleDown();
      step();
      if (++steps_ % kStepsBetweenAccidents == 0) accident();
      if (steps_ % kStepsBetweenChecks == 0) check();
    }
    settleDown();
    check();
    while (!pods_.empty()) endPod(pods_.begin()->first);
    check();
    const auto growth = residentMiB(node_.kpoldPid()) - calmMiB_;
    std::printf("%u starts, %u ends, %u verdicts in %.1f minutes; memory %+.2f MiB\n", starts_,
                ends_, verdicts_,
                std::chrono::duration<double, std::ratio<60>>(Clock::now() - begun).count(),
                growth);
    for (const auto& [what, count] : accidents_)
      std::printf("  %6u times %s\n", count, what.c_str());
    if (growth > kMostGrowthMiB) fail("kpold's memory grows");
  }

 private:
  test::NodeOptions nodeOptions() const {
    test::NodeOptions options;
    options.source = [](const fs::path& directory) {
      return std::vector<std::string>{"--source", "api", "--kubeconfig", directory / "kubeconfig"};
    };
    options.kpoldArguments = {"--routing", "direct", "--cni-conf-dir="};
    return options;
  }
  unsigned pick(unsigned count) { return static_cast<unsigned>(random_() % count); }

  void startKpold() { node_.startKpold(); }
  // From now on kpold is not killed. The next checks compare its memory with that of the first one.
  void settleDown() { calm_ = true; }

  // ---- pods

  void step() {
    if (pods_.empty() || (pods_.size() < options_.pods && pick(2) == 0))
      startPod();
    else
      endPod(std::next(pods_.begin(), pick(static_cast<unsigned>(pods_.size())))->first);
    if (steps_ % 10 == 0) compareVerdicts();
  }
  void startPod() {
    const std::string name = "pod" + std::to_string(starts_++);
    const std::string app = std::array{"open", "closed", "friend"}.at(pick(3));
    api_.inside([&] { api_.pods.put(name, podText(name, app)); });
    auto& pod = pods_.emplace(name, Pod{node_.makePod({"shop", name}), app}).first->second;
    add(pod.sandbox);
  }
  // As a runtime does: what failed is deleted and tried again, with another sandbox.
  void add(test::NodePod& pod) {
    for (int tries = 0; tries < 60; ++tries) {
      if (killPlugins_ && pick(10) == 0) {
        killedAfter("ADD", pod);
      } else {
        const auto result = node_.plugin("ADD", pod);
        if (result.status == 0) {
          remember(pod, result.out);
          return;
        }
        ++accidents_["ADD failed"];
      }
      const auto key = pod.key;
      del(pod);
      pod = node_.makePod(key);
    }
    fail("ADD of " + toString(pod.key) + " does not succeed\n" + node_.log());
  }
  static void remember(test::NodePod& pod, const std::string& output) {
    const auto result = nlohmann::json::parse(output);
    for (const auto& ip : result.at("ips")) {
      const auto text = ip.at("address").get<std::string>();
      pod.ips.push_back(*base::IpAddress::parse(text.substr(0, text.find('/'))));
    }
    std::sort(pod.ips.begin(), pod.ips.end());
  }
  void del(const test::NodePod& pod) {
    if (killPlugins_ && pick(10) == 0) killedAfter("DEL", pod);
    std::string output;
    for (int tries = 0; tries < 60; ++tries, std::this_thread::sleep_for(50ms)) {
      const auto result = node_.plugin("DEL", pod);
      if (result.status == 0) return;
      output = result.out + result.err;
      ++accidents_["DEL failed"];
    }
    fail("DEL of " + toString(pod.key) + " does not succeed: " + output);
  }
  void endPod(const std::string& name) {
    const auto found = pods_.find(name);
    // A runtime deletes the sandbox before or after the object is gone.
    const bool objectFirst = pick(2) == 0;
    const auto removeObject = [&] { api_.inside([&] { api_.pods.remove(name); }); };
    if (objectFirst) removeObject();
    del(found->second.sandbox);
    pods_.erase(found);
    if (!objectFirst) removeObject();
    ++ends_;
  }
  void killedAfter(const char* command, const test::NodePod& pod) {
    node_.pluginKilledAfter(command, pod, std::chrono::microseconds(pick(15'000)));
    ++accidents_[std::string(command) + " was killed"];
  }

  // ---- verdicts

  void compareVerdicts() {
    if (pods_.size() < 2 || apiAway_) return;
    const auto& from = std::next(pods_.begin(), pick(static_cast<unsigned>(pods_.size())))->second;
    const auto& to = std::next(pods_.begin(), pick(static_cast<unsigned>(pods_.size())))->second;
    if (&from == &to) return;
    const auto family = pick(2) == 0 ? base::Family::V4 : base::Family::V6;
    const bool allowed = to.app != "closed" || from.app == "friend";
    const test::Udp server(to.sandbox.netns->open(), kPort);
    const test::Udp client(from.sandbox.netns->open());
    client.send(to.sandbox.ip(family), kPort, {1});
    const bool arrived = !server.receive(allowed ? 2000 : 20).from.empty();
    ++verdicts_;
    if (arrived != allowed)
      fail("a packet from " + toString(from.sandbox.key) + " (" + from.app + ") to " +
           toString(to.sandbox.key) + " (" + to.app + ") should " + (allowed ? "" : "not ") +
           "arrive\n" + node_.log());
  }

  // ---- accidents

  void accident() {
    const std::vector<std::pair<const char*, std::function<void()>>> kinds{
        {"kpold was killed", [this] { killKpold(); }},
        {"the disk was full", [this] { fillDisk(); }},
        {"the API server was away", [this] { stopApi(); }},
        {"a node lied", [this] { lie(); }},
        {"policies came and went", [this] { changePolicies(); }},
        {"plugins were killed", [this] { killSomePlugins(); }}};
    const auto& [what, happen] = kinds.at(pick(static_cast<unsigned>(kinds.size())));
    if (calm_ && std::string(what) == "kpold was killed") return;
    ++accidents_[what];
    happen();
  }
  void killKpold() {
    node_.stopKpold(SIGKILL);
    if (!pods_.empty()) endPod(pods_.begin()->first);  // DEL needs no kpold
    startKpold();
  }
  void fillDisk() {
    disk_.fill();
    for (int i = 0; i < 5 && !pods_.empty(); ++i) endPod(pods_.begin()->first);  // nor a disk
    disk_.fill();  // also what the ended pods had
    const test::NodePod pod = node_.makePod({"shop", "late"});
    api_.inside([&] { api_.pods.put("late", podText("late", "open")); });
    if (node_.plugin("ADD", pod).status == 0) fail("ADD succeeded without room for the lease");
    del(pod);
    api_.inside([&] { api_.pods.remove("late"); });
    disk_.free();
  }
  void stopApi() {
    apiAway_ = true;
    api_.stop();
    for (int i = 0; i < 5 && !pods_.empty(); ++i) {
      const auto name = pods_.begin()->first;
      del(pods_.begin()->second.sandbox);
      pods_.erase(pods_.begin());
      ++ends_;
      api_.inside([&] { api_.pods.remove(name); });
    }
    api_.start();
    apiAway_ = false;
    sync();
  }
  void lie() {
    api_.inside([this] {
      api_.nodes.put("other", kOtherNode);
      api_.nodes.put("liar", kLyingNode);
    });
    for (int i = 0; i < 5; ++i) step();
    sync();
    compareVerdicts();
    api_.inside([this] {
      api_.nodes.remove("liar");
      api_.nodes.remove("other");
    });
  }
  // None of them changes a verdict.
  void changePolicies() {
    for (unsigned i = 0; i < 30; ++i)
      api_.inside([&] {
        api_.policies.put(
            "extra" + std::to_string(i),
            R"("namespace":"shop"},"spec":{"podSelector":{"matchLabels":{"app":"closed"}},)"
            R"("ingress":[{"from":[{"ipBlock":{"cidr":"203.0.113.)" +
                std::to_string(i) + R"(/32"}}],"ports":[{"port":)" +
                std::to_string(1 + pick(60'000)) + "}]}]}");
      });
    for (int i = 0; i < 5; ++i) step();
    for (unsigned i = 0; i < 30; ++i)
      api_.inside([&] { api_.policies.remove("extra" + std::to_string(i)); });
  }
  void killSomePlugins() {
    killPlugins_ = true;
    for (int i = 0; i < 30; ++i) step();
    killPlugins_ = false;
  }

  // ---- what must be true

  // After an API server that was away often, kpold waits up to half a minute before it asks again.
  void sync() {
    for (int tries = 1;; ++tries) try {
        node_.sync();
        return;
      } catch (const std::runtime_error&) {
        if (tries == 4) throw;
      }
  }
  // What belongs to running pods is there, and nothing else. Some of it follows a moment later.
  void check() {
    sync();
    std::string wrong;
    for (const auto deadline = Clock::now() + 20s; Clock::now() < deadline;
         std::this_thread::sleep_for(100ms)) {
      wrong = whatIsWrong();
      if (wrong.empty()) break;
    }
    if (!wrong.empty()) fail(wrong + "\n" + node_.log());
    compareVerdicts();
    const auto megabytes = residentMiB(node_.kpoldPid());
    const auto descriptors = countFiles("/proc/" + std::to_string(node_.kpoldPid()) + "/fd");
    std::printf("%6u starts: %2zu pods, kpold %.2f MiB, %zu descriptors\n", starts_, pods_.size(),
                megabytes, descriptors);
    std::fflush(stdout);
    if (!calm_) return;
    if (calmDescriptors_ == 0) {
      calmMiB_ = megabytes;
      calmDescriptors_ = descriptors;
    }
    if (descriptors > calmDescriptors_ + 2) fail("kpold's descriptors grow");
  }
  std::string whatIsWrong() {
    netlink::RouteSocket socket;
    const auto links = socket.links();
    const auto interfaces =
        static_cast<std::size_t>(std::count_if(links.begin(), links.end(), [](const auto& link) {
          return link.name.text().starts_with("kpol");
        }));
    const auto leases = ipam::readLeases(node_.stateDirectory()).leases;
    const auto attachments = countFiles(node_.stateDirectory() / "attachments");
    const auto status = nlohmann::json::parse(node_.get("/v1/status"));
    std::ostringstream text;
    if (interfaces != pods_.size()) text << interfaces << " interfaces, ";
    if (leases.size() != pods_.size()) text << leases.size() << " leases, ";
    if (attachments != pods_.size()) text << attachments << " attachments, ";
    if (!status.at("inSync").get<bool>()) text << "not in sync, ";
    if (text.str().empty()) return {};
    for (const auto& file : fs::directory_iterator(node_.stateDirectory() / "attachments")) {
      const auto name = file.path().filename().string();
      const bool known = std::any_of(pods_.begin(), pods_.end(), [&](const auto& pod) {
        return name.starts_with(pod.second.sandbox.containerId + "-");
      });
      if (!known) text << "(attachment " << name << " of " << fs::file_size(file) << " bytes) ";
    }
    return text.str() + "but " + std::to_string(pods_.size()) + " pods";
  }

  Options options_;
  std::mt19937 random_;
  test::ClusterApi api_;
  test::Node node_;
  SmallDisk disk_;
  std::map<std::string, Pod> pods_;
  bool calm_ = false;
  bool apiAway_ = false;
  bool killPlugins_ = false;
  double calmMiB_ = 0;
  std::size_t calmDescriptors_ = 0;
  unsigned steps_ = 0;
  unsigned starts_ = 0;
  unsigned ends_ = 0;
  unsigned verdicts_ = 0;
  std::map<std::string, unsigned> accidents_;
};

void enterFreshNamespaces() {
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    throw base::SystemError("make private namespaces (needs root)", errno);
  netlink::RouteSocket socket;
  socket.setUp(socket.findLink(*base::IfName::parse("lo"))->index);
}

Options parse(int argc, char** argv) {
  Options options;
  const std::map<std::string, unsigned*> known{{"--minutes", &options.minutes},
                                               {"--starts", &options.starts},
                                               {"--pods", &options.pods},
                                               {"--seed", &options.seed}};
  for (int i = 1; i < argc; i += 2) {
    const auto option = known.find(argv[i]);
    if (option == known.end() || i + 1 == argc)
      fail("usage: soak [--minutes N] [--starts N] [--pods N] [--seed N]");
    *option->second = static_cast<unsigned>(std::atoi(argv[i + 1]));
  }
  if (options.minutes == 0 || options.starts == 0 || options.pods < 2 || options.pods > 200)
    fail("--minutes and --starts must be at least 1, --pods 2 to 200");
  return options;
}

}  // namespace
}  // namespace kpol

int main(int argc, char** argv) {
  try {
    const auto options = kpol::parse(argc, argv);
    kpol::enterFreshNamespaces();
    kpol::Soak(options).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "soak: %s\n", error.what());
    return 1;
  }
}
