// SPDX-License-Identifier: Apache-2.0
// How long the container runtime waits for ADD and DEL: kpol beside the reference plugins, each
// call a process of its own, interleaved in one run so that the machine's drift hits all alike.
//
//   bench_cni_latency [--rounds N] [--burst N] [--reference DIR]
#include "base/error.hpp"
#include "ipam/lease_store.hpp"
#include "tests/support/node.hpp"

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace kpol {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

struct Options {
  int rounds = 60;
  int burst = 100;
  int bursts = 3;
  std::string reference = "/usr/lib/cni";
};

// One plugin with one config.
struct Variant {
  std::string name;
  std::string binary;
  std::string config;
};

struct Sandbox {
  std::string id;
  base::ObjectKey pod;
  std::unique_ptr<test::TestNetns> netns;
};

[[noreturn]] void fail(const std::string& what) {
  throw std::runtime_error(what);
}

// Standard input is a file, so that no pipe has to be written during the measurement.
class InputFile {
 public:
  InputFile(const fs::path& directory, const std::string& text) {
    std::string pattern = directory / "input-XXXXXX";
    fd_ = base::UniqueFd(::mkstemp(pattern.data()));
    if (fd_.value() < 0) fail("cannot make " + pattern);
    ::unlink(pattern.c_str());
    if (::write(fd_.value(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
      fail("cannot write " + pattern);
  }
  [[nodiscard]] int rewound() const {
    ::lseek(fd_.value(), 0, SEEK_SET);
    return fd_.value();
  }

 private:
  base::UniqueFd fd_;
};

// A call of a plugin that runs, its output kept for the case that it fails.
class Call {
 public:
  Call(const Variant& variant, const char* command, const Sandbox& sandbox, const fs::path& scratch)
      : name_(variant.name + " " + command + " " + sandbox.id),
        input_(scratch, variant.config),
        output_(scratch, "") {
    const auto text = [](const std::string& key, const std::string& value) {
      return key + "=" + value;
    };
    std::vector<std::string> environment{
        text("CNI_COMMAND", command),
        text("CNI_CONTAINERID", sandbox.id),
        text("CNI_NETNS", sandbox.netns->path()),
        text("CNI_IFNAME", "eth0"),
        text("CNI_PATH", fs::path(variant.binary).parent_path()),
        text("CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=" + sandbox.pod.ns +
                             ";K8S_POD_NAME=" + sandbox.pod.name),
        text("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")};
    std::vector<char*> envp;
    for (auto& entry : environment) envp.push_back(entry.data());
    envp.push_back(nullptr);
    std::string binary = variant.binary;
    std::array<char*, 2> argv{binary.data(), nullptr};
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, input_.rewound(), STDIN_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output_.rewound(), STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions, output_.rewound(), STDERR_FILENO);
    begin_ = Clock::now();
    const int error =
        ::posix_spawn(&pid_, binary.c_str(), &actions, nullptr, argv.data(), envp.data());
    ::posix_spawn_file_actions_destroy(&actions);
    if (error != 0) fail("cannot run " + binary + ": " + std::strerror(error));
  }

  [[nodiscard]] pid_t pid() const { return pid_; }
  // Once the process has ended.
  double ended(int status) {
    const auto took = Milliseconds(Clock::now() - begin_).count();
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return took;
    std::string text(4096, '\0');
    text.resize(static_cast<std::size_t>(
        std::max<ssize_t>(0, ::read(output_.rewound(), text.data(), text.size()))));
    fail(name_ + " failed: " + text);
  }
  double wait() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0)
      if (errno != EINTR) fail("waitpid");
    return ended(status);
  }

 private:
  std::string name_;
  InputFile input_;
  InputFile output_;
  pid_t pid_ = -1;
  Clock::time_point begin_;
};

// All at once; the time of each from its own start to its end.
std::vector<double> callAll(const Variant& variant, const char* command,
                            const std::vector<Sandbox>& sandboxes, const fs::path& scratch) {
  std::map<pid_t, std::unique_ptr<Call>> calls;
  for (const auto& sandbox : sandboxes) {
    auto call = std::make_unique<Call>(variant, command, sandbox, scratch);
    const auto pid = call->pid();
    calls.emplace(pid, std::move(call));
  }
  std::vector<double> times;
  while (!calls.empty()) {
    int status = 0;
    const auto pid = ::waitpid(-1, &status, 0);
    const auto call = calls.find(pid);
    if (call == calls.end()) continue;  // kpold has exited, or another process's child
    times.push_back(call->second->ended(status));
    calls.erase(call);
  }
  return times;
}

double percentile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto index = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  return values.at(index);
}

using Times = std::map<std::string, std::map<std::string, std::vector<double>>>;

class Bench {
 public:
  Bench(const Options& options, test::Node& node) : options_(options), node_(node) {
    const auto directory = node_.directory();
    const std::string kpol = KPOL_BINARY;
    variants_ = {
        {"kpol required", kpol, node_.networkConfig({}, "required")},
        {"kpol none", kpol, node_.networkConfig({}, "none")},
        {"ptp", options_.reference + "/ptp", reference("ptp", "10.200.0.0/16", directory)},
        {"bridge", options_.reference + "/bridge", reference("bridge", "10.201.0.0/16", directory)},
    };
  }

  void alone() {
    for (int round = 0; round < options_.rounds + 3; ++round)
      for (std::size_t i = 0; i < variants_.size(); ++i) {
        const auto& variant = variants_[(i + static_cast<std::size_t>(round)) % variants_.size()];
        const auto sandbox = makeSandbox();
        const auto add = Call(variant, "ADD", sandbox, node_.directory()).wait();
        const auto del = Call(variant, "DEL", sandbox, node_.directory()).wait();
        if (round < 3) continue;  // warm up
        times_[variant.name]["ADD"].push_back(add);
        times_[variant.name]["DEL"].push_back(del);
      }
  }

  void atOnce() {
    for (int burst = 0; burst < options_.bursts; ++burst)
      for (const auto& variant : variants_) {
        std::vector<Sandbox> sandboxes;
        for (int i = 0; i < options_.burst; ++i) sandboxes.push_back(makeSandbox());
        for (const char* command : {"ADD", "DEL"}) {
          const auto begin = Clock::now();
          const auto times = callAll(variant, command, sandboxes, node_.directory());
          const auto whole = Milliseconds(Clock::now() - begin).count();
          auto& all = times_[variant.name][std::string(command) + " burst"];
          all.insert(all.end(), times.begin(), times.end());
          times_[variant.name][std::string(command) + " whole"].push_back(whole);
        }
      }
  }

  // The parts of an ADD.
  void split() {
    const auto sandbox = makeSandbox();
    std::vector<double> exec;
    std::vector<double> ipam;
    const auto store = node_.stateDirectory() / "bench";
    for (int i = 0; i < options_.rounds; ++i) {
      exec.push_back(Call(variants_[0], "VERSION", sandbox, node_.directory()).wait());
      const auto begin = Clock::now();
      {
        auto leases = ipam::LeaseStore::open(store);
        leases.add({{"bench" + std::to_string(i), "eth0"},
                    "kpol",
                    {"shop", "p"},
                    0,
                    {*base::IpAddress::parse("10.0.0.1")}});
      }
      ipam.push_back(Milliseconds(Clock::now() - begin).count());
    }
    const auto median = [](const std::vector<double>& values) { return percentile(values, 0.5); };
    const double process = median(exec);
    const double leases = median(ipam);
    const double none = median(times_["kpol none"]["ADD"]);
    const double required = median(times_["kpol required"]["ADD"]);
    std::printf(
        "\nADD of kpol, split (medians, ms): process and config %.2f, lease %.2f, netlink "
        "and the rest %.2f, kpold %.2f\n",
        process, leases, none - process - leases, required - none);
  }

  void report() const {
    std::printf("\n%-15s %8s %8s %8s   %8s %8s %8s\n", "alone, ms", "ADD p50", "p99", "/ptp",
                "DEL p50", "p99", "/ptp");
    for (const auto& variant : variants_) reportRow(variant.name, "");
    std::printf("\n%-15s %8s %8s %8s   %8s %8s %8s   %s\n",
                (std::to_string(options_.burst) + " at once, ms").c_str(), "ADD p50", "p99", "/ptp",
                "DEL p50", "p99", "/ptp", "all ADDs, all DELs (median)");
    for (const auto& variant : variants_) reportRow(variant.name, " burst");
  }

 private:
  void reportRow(const std::string& name, const std::string& kind) const {
    std::printf("%-15s", name.c_str());
    for (const char* command : {"ADD", "DEL"}) {
      const auto& times = times_.at(name).at(command + kind);
      const auto& ptp = times_.at("ptp").at(command + kind);
      const double median = percentile(times, 0.5);
      std::printf(" %8.2f %8.2f %8.2f  ", median, percentile(times, 0.99),
                  median / percentile(ptp, 0.5));
    }
    if (!kind.empty())
      std::printf(" %8.1f %8.1f", percentile(times_.at(name).at("ADD whole"), 0.5),
                  percentile(times_.at(name).at("DEL whole"), 0.5));
    std::printf("\n");
  }

  // IPv4 only, like kpol here, because with IPv6 ptp waits for duplicate address detection, which
  // takes more than a second.
  static std::string reference(const std::string& type, const std::string& range,
                               const fs::path& directory) {
    return R"({"cniVersion":"1.0.0","name":")" + type + R"(net","type":")" + type +
           R"(","mtu":1450,"bridge":"bench0","isGateway":true,"ipam":{"type":"host-local","dataDir":")" +
           (directory / "host-local").string() +
           R"(","routes":[{"dst":"0.0.0.0/0"}],"ranges":[[{"subnet":")" + range + R"("}]]}})";
  }

  Sandbox makeSandbox() {
    const auto number = made_++;
    Sandbox sandbox{
        "bench" + std::to_string(number), {"shop", "p" + std::to_string(number % kPods)}, nullptr};
    sandbox.netns = std::make_unique<test::TestNetns>(node_.directory() / "netns" / sandbox.id);
    return sandbox;
  }

 public:
  static constexpr int kPods = 4096;  // known to kpold, including those being added

 private:
  const Options& options_;
  test::Node& node_;
  std::vector<Variant> variants_;
  Times times_;
  int made_ = 0;
};

std::string manifests() {
  std::string text = R"(apiVersion: v1
kind: List
items:
- apiVersion: networking.k8s.io/v1
  kind: NetworkPolicy
  metadata: {namespace: shop, name: guard}
  spec:
    podSelector: {matchLabels: {app: p}}
    policyTypes: [Ingress, Egress]
    ingress: [{from: [{podSelector: {matchLabels: {app: p}}}], ports: [{port: 80}]}]
    egress: [{to: [{podSelector: {matchLabels: {app: p}}}]}]
)";
  for (int i = 0; i < Bench::kPods; ++i)
    text += "- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: p" +
            std::to_string(i) + ", labels: {app: p}}}\n";
  return text;
}

void enterFreshNamespaces() {
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    throw base::SystemError("make private namespaces (needs root)", errno);
}

Options parse(int argc, char** argv) {
  Options options;
  const std::map<std::string, std::function<void(const char*)>> known{
      {"--rounds", [&](const char* value) { options.rounds = std::atoi(value); }},
      {"--burst", [&](const char* value) { options.burst = std::atoi(value); }},
      {"--bursts", [&](const char* value) { options.bursts = std::atoi(value); }},
      {"--reference", [&](const char* value) { options.reference = value; }}};
  for (int i = 1; i < argc; i += 2) {
    const auto option = known.find(argv[i]);
    if (option == known.end() || i + 1 == argc)
      fail("usage: bench_cni_latency [--rounds N] [--burst N] [--bursts N] [--reference DIR]");
    option->second(argv[i + 1]);
  }
  return options;
}

}  // namespace
}  // namespace kpol

int main(int argc, char** argv) {
  try {
    const auto options = kpol::parse(argc, argv);
    kpol::enterFreshNamespaces();
    kpol::test::NodeOptions nodeOptions;
    nodeOptions.ipv4 = "10.244.0.0/16";
    nodeOptions.ipv6.clear();
    kpol::test::Node node(nodeOptions);
    node.apply("all.yaml", kpol::manifests());
    node.startKpold();
    kpol::Bench bench(options, node);
    bench.alone();
    bench.atOnce();
    bench.report();
    bench.split();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_cni_latency: %s\n", error.what());
    return 1;
  }
}
