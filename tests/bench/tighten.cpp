// SPDX-License-Identifier: Apache-2.0
// How long packets of established flows pass after the commit of the policy that forbids them, and
// how much a flow that stays allowed notices. One node; a and c send to b over established UDP
// flows while a policy that admits only c is added and removed again; all other entries of
// conntrack lead to d. The last new flow from a to b that passes shows when the policy is
// committed.
//
//   bench_tighten [--entries N] [--concerned N] [--rounds N] [--family 4|6]
#include "base/error.hpp"
#include "tests/support/node.hpp"
#include "tests/support/udp.hpp"

#include <nlohmann/json.hpp>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace kpol {
namespace {

using Clock = std::chrono::steady_clock;
using namespace std::chrono_literals;

struct Options {
  unsigned entries = 100'000;
  unsigned concerned = 10'000;
  unsigned rounds = 50;
  base::Family family = base::Family::V4;
};

constexpr std::uint16_t kPort = 9000;
constexpr std::uint16_t kFirstSourcePort = 2000;
constexpr unsigned kSourcePorts = 50'000;
constexpr std::uint16_t kFirstNewPort = 55'000;
constexpr auto kObserved = 600ms;  // after each edit
constexpr auto kAllowedPause = 1ms;
// The concerned flows send one after the other, this many at a time.
constexpr unsigned kBurst = 32;
constexpr auto kBurstPause = 500us;

constexpr const char* kPods = R"(
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Namespace, metadata: {name: shop}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: a, labels: {app: a}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: b, labels: {app: b}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: c, labels: {app: c}}}
- {apiVersion: v1, kind: Pod, metadata: {namespace: shop, name: d, labels: {app: d}}}
)";
constexpr const char* kOnlyC = R"(
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: shop, name: only-c}
spec:
  podSelector: {matchLabels: {app: b}}
  ingress: [{from: [{podSelector: {matchLabels: {app: c}}}]}]
)";

// Sends datagrams from any port of a pod to kPort and the ports after it.
class RawUdp {
 public:
  RawUdp(const test::NodePod& pod, base::Family family) : family_(family) {
    const auto inside = pod.netns->open().enter();
    const bool v4 = family == base::Family::V4;
    fd_ = base::UniqueFd(::socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP));
    const int offset = 6;  // of the checksum, which only IPv6 demands
    if (fd_.value() < 0 || (!v4 && ::setsockopt(fd_.value(), IPPROTO_IPV6, IPV6_CHECKSUM, &offset,
                                                sizeof offset) != 0))
      throw base::SystemError("open a raw socket", errno);
  }
  void send(std::uint16_t from, const base::IpAddress& to, std::uint16_t port, char kind) const {
    const std::array<std::uint8_t, 9> packet{static_cast<std::uint8_t>(from >> 8U),
                                             static_cast<std::uint8_t>(from),
                                             static_cast<std::uint8_t>(port >> 8U),
                                             static_cast<std::uint8_t>(port),
                                             0,
                                             9,
                                             0,
                                             0,
                                             static_cast<std::uint8_t>(kind)};
    sockaddr_in v4{};
    sockaddr_in6 v6{};
    v4.sin_family = AF_INET;
    v6.sin6_family = AF_INET6;
    const bool isV4 = family_ == base::Family::V4;
    std::memcpy(isV4 ? static_cast<void*>(&v4.sin_addr) : &v6.sin6_addr, to.bytes().data(),
                to.bytes().size());
    const auto* address =
        isV4 ? reinterpret_cast<const sockaddr*>(&v4) : reinterpret_cast<const sockaddr*>(&v6);
    ::sendto(fd_.value(), packet.data(), packet.size(), 0, address, isV4 ? sizeof v4 : sizeof v6);
  }

 private:
  base::Family family_;
  base::UniqueFd fd_;
};

double millisecondsOf(Clock::duration duration) {
  return std::chrono::duration<double, std::milli>(duration).count();
}

// Receives at one port of a pod: replies to 's' (set-up), and notes when 'a' and 'c' arrive.
class Receiver {
 public:
  Receiver(const test::NodePod& pod, std::uint16_t port)
      : socket_(pod.netns->open(), port), thread_([this](const std::stop_token& stop) {
          while (!stop.stop_requested()) receive();
        }) {}

  struct Seen {
    Clock::time_point lastA;
    Clock::time_point lastNew;  // of a new flow
    Clock::duration longestGapOfC{};
    std::uint64_t a = 0;
    std::uint64_t c = 0;
    std::uint64_t set = 0;
  };
  // What arrived since the last call.
  Seen take() {
    const std::lock_guard lock(mutex_);
    const auto gapNow = Clock::now() - lastC_;
    Seen seen = std::exchange(seen_, {});
    if (lastC_ != Clock::time_point()) seen.longestGapOfC = std::max(seen.longestGapOfC, gapNow);
    return seen;
  }

 private:
  void receive() {
    std::array<char, 16> buffer{};
    sockaddr_in6 from{};
    socklen_t length = sizeof from;
    if (!socket_.readable(50)) return;
    while (::recvfrom(socket_.fd(), buffer.data(), buffer.size(), MSG_DONTWAIT,
                      reinterpret_cast<sockaddr*>(&from), &length) > 0) {
      const auto now = Clock::now();
      if (buffer[0] == 's')
        ::sendto(socket_.fd(), "r", 1, 0, reinterpret_cast<const sockaddr*>(&from), length);
      const std::lock_guard lock(mutex_);
      if (buffer[0] == 's') ++seen_.set;
      if (buffer[0] == 'a') {
        ++seen_.a;
        seen_.lastA = now;
      }
      if (buffer[0] == 'n') seen_.lastNew = now;
      if (buffer[0] != 'c') continue;
      if (lastC_ != Clock::time_point())
        seen_.longestGapOfC = std::max(seen_.longestGapOfC, now - lastC_);
      ++seen_.c;
      lastC_ = now;
    }
  }

  test::Udp socket_;
  std::mutex mutex_;
  Seen seen_;
  Clock::time_point lastC_;
  std::jthread thread_;
};

class Bench {
 public:
  explicit Bench(const Options& options) : options_(options) {
    node_.apply("pods.yaml", kPods);
    node_.startKpold();
    for (const char* name : {"a", "b", "c", "d"}) node_.add({"shop", name});
    setTimeout("udp_timeout_stream", "3600");  // established flows stay until the end
    setTimeout("udp_timeout", "2");
  }

  void run() {
    makeEntries();
    Receiver receiver(pod("b"), kPort);
    establish(receiver, "a", options_.concerned);
    establish(receiver, "c", 1);
    std::printf("%u entries, %u of them concerned, IPv%c\n", options_.entries, options_.concerned,
                options_.family == base::Family::V4 ? '4' : '6');
    const std::jthread concerned([this](const std::stop_token& stop) { sendConcerned(stop); });
    const std::jthread allowed([this](const std::stop_token& stop) { sendAllowed(stop); });
    const std::jthread opened([this](const std::stop_token& stop) { sendNew(stop); });
    std::this_thread::sleep_for(kObserved);
    std::vector<double> committed;
    std::vector<double> last;
    std::vector<double> reviews;
    std::vector<double> gaps;
    std::vector<double> gapsAtRest;
    for (unsigned i = 0; i < options_.rounds; ++i) {
      receiver.take();
      std::this_thread::sleep_for(kObserved);
      const auto rest = receiver.take();
      if (rest.a < options_.concerned / 4)
        throw std::runtime_error("flows are not restored: " + std::to_string(rest.a) +
                                 " datagrams");
      gapsAtRest.push_back(millisecondsOf(rest.longestGapOfC));
      const auto edited = Clock::now();
      node_.apply("policy.yaml", kOnlyC);
      std::this_thread::sleep_for(kObserved);
      const auto after = receiver.take();
      const auto commit = std::max(after.lastNew, edited);
      committed.push_back(millisecondsOf(commit - edited));
      last.push_back(after.lastA < commit ? 0 : millisecondsOf(after.lastA - commit));
      reviews.push_back(established().at("lastReviewSeconds").get<double>() * 1000);
      gaps.push_back(millisecondsOf(after.longestGapOfC));
      node_.remove("policy.yaml");
      std::this_thread::sleep_for(kObserved);
    }
    report("edit of the file to its commit", committed);
    report("commit to the last forbidden packet", last);
    report("review of the entries by kpold", reviews);
    report("longest gap of an allowed flow", gaps);
    report("the same without an edit", gapsAtRest);
    std::printf("kpold: %s\n", established().dump().c_str());
  }

 private:
  static void setTimeout(const std::string& name, const char* seconds) {
    std::ofstream file("/proc/sys/net/netfilter/nf_conntrack_" + name);
    if (!(file << seconds << std::flush)) throw std::runtime_error("cannot set " + name);
  }
  test::NodePod& pod(const char* name) { return *node_.find({"shop", name}); }
  nlohmann::json established() {
    return nlohmann::json::parse(node_.get("/v1/status")).at("established");
  }
  base::IpAddress ip(const char* name) { return pod(name).ip(options_.family); }

  // Entries that nothing changes: from c to ports of d.
  void makeEntries() {
    const unsigned wanted = options_.entries - options_.concerned - 1;
    for (unsigned done = 0; done < wanted; done += kSourcePorts) {
      const auto port = static_cast<std::uint16_t>(kPort + done / kSourcePorts);
      Receiver receiver(pod("d"), port);
      establish(receiver, "c", std::min(kSourcePorts, wanted - done), "d", port);
    }
  }
  void establish(Receiver& receiver, const char* from, unsigned flows, const char* to = "b",
                 std::uint16_t port = kPort) {
    const RawUdp sender(pod(from), options_.family);
    std::uint64_t arrived = 0;
    const auto deadline = Clock::now() + 60s;
    for (unsigned i = 0; i < flows; ++i) {
      sender.send(sourcePort(i), ip(to), port, 's');
      // The receiver's buffer holds a few hundred.
      while (i + 1 - arrived > 100 || (i + 1 == flows && arrived < flows)) {
        arrived += receiver.take().set;
        if (Clock::now() > deadline) throw std::runtime_error("flows cannot be established");
      }
    }
  }
  static std::uint16_t sourcePort(unsigned flow) {
    return static_cast<std::uint16_t>(kFirstSourcePort + flow);
  }

  void sendConcerned(const std::stop_token& stop) {
    const RawUdp sender(pod("a"), options_.family);
    const auto to = ip("b");
    for (unsigned flow = 0; !stop.stop_requested(); std::this_thread::sleep_for(kBurstPause))
      for (unsigned i = 0; i < kBurst; ++i, flow = (flow + 1) % options_.concerned)
        sender.send(sourcePort(flow), to, kPort, 'a');
  }
  void sendAllowed(const std::stop_token& stop) {
    const RawUdp sender(pod("c"), options_.family);
    const auto to = ip("b");
    for (; !stop.stop_requested(); std::this_thread::sleep_for(kAllowedPause))
      sender.send(sourcePort(0), to, kPort, 'c');
  }
  void sendNew(const std::stop_token& stop) {
    const RawUdp sender(pod("a"), options_.family);
    const auto to = ip("b");
    for (std::uint16_t port = kFirstNewPort; !stop.stop_requested();
         std::this_thread::sleep_for(kAllowedPause)) {
      sender.send(port, to, kPort, 'n');
      port = port == 65'535 ? kFirstNewPort : static_cast<std::uint16_t>(port + 1);
    }
  }

  static void report(const char* what, std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const auto at = [&](double part) {
      return values.at(static_cast<std::size_t>(part * static_cast<double>(values.size() - 1)));
    };
    std::printf("%-36s p50 %7.2f ms, p99 %7.2f ms, longest %7.2f ms\n", what, at(0.5), at(0.99),
                values.back());
  }

  Options options_;
  test::Node node_;
};

void enterFreshNamespaces() {
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
      ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    throw base::SystemError("make private namespaces (needs root)", errno);
}

Options parse(int argc, char** argv) {
  Options options;
  const auto number = [](unsigned& target) {
    return [&target](const char* value) { target = static_cast<unsigned>(std::atoi(value)); };
  };
  const std::map<std::string, std::function<void(const char*)>> known{
      {"--entries", number(options.entries)},
      {"--concerned", number(options.concerned)},
      {"--rounds", number(options.rounds)},
      {"--family", [&](const char* value) {
         options.family = *value == '6' ? base::Family::V6 : base::Family::V4;
       }}};
  for (int i = 1; i < argc; i += 2) {
    const auto option = known.find(argv[i]);
    if (option == known.end() || i + 1 == argc)
      throw std::runtime_error(
          "usage: bench_tighten [--entries N] [--concerned N] [--rounds N] [--family 4|6]");
    option->second(argv[i + 1]);
  }
  if (options.rounds == 0 || options.concerned == 0 || options.concerned > kSourcePorts ||
      options.entries <= options.concerned)
    throw std::runtime_error("--concerned must be 1 to 50000, and less than --entries");
  return options;
}

}  // namespace
}  // namespace kpol

int main(int argc, char** argv) {
  try {
    const auto options = kpol::parse(argc, argv);
    kpol::enterFreshNamespaces();
    kpol::Bench(options).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_tighten: %s\n", error.what());
    return 1;
  }
}
