// SPDX-License-Identifier: Apache-2.0
// Measures the time from an event to its commit with policy::Engine and nft::Kernel, and as a floor
// bare libmnl with the same prebuilt transaction. Also measures a start from decoded objects: the
// time until the kernel enforces, the longest wait of another netlink user, and the memory.
#include "nft/diff.hpp"
#include "nft/encode.hpp"
#include "nft/kernel.hpp"
#include "policy/compile.hpp"
#include "policy/engine.hpp"
#include "policy/peer_sets.hpp"

#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netlink.h>
#include <malloc.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace kpol {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kLocalPods = 250;
constexpr std::size_t kPodsPerNamespace = 20;

double millisecondsSince(Clock::time_point start) {
  return std::chrono::duration<double, std::milli>(Clock::now() - start).count();
}

double cpuMilliseconds() {
  return 1000.0 * static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
}

double residentMib() {
  long total = 0;
  long resident = 0;
  if (FILE* statm = std::fopen("/proc/self/statm", "r")) {
    if (std::fscanf(statm, "%ld %ld", &total, &resident) != 2) resident = 0;
    std::fclose(statm);
  }
  return static_cast<double>(resident) * static_cast<double>(::sysconf(_SC_PAGESIZE)) / 1048576.0;
}

// ---- a cluster: twenty pods a namespace, of ten apps, each with labels of its own; two policies a
// namespace: each admits one app of its own namespace on a port, and one app of all namespaces.

base::IpAddress addressOf(std::size_t number) {
  const std::array<std::uint8_t, 4> bytes{10, static_cast<std::uint8_t>(number >> 16U),
                                          static_cast<std::uint8_t>(number >> 8U),
                                          static_cast<std::uint8_t>(number)};
  return *base::IpAddress::fromBytes(bytes);
}

template <class... Values>
std::string format(const char* pattern, Values... values) {
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), pattern, values...);
  return text.data();
}

std::string namespaceName(std::size_t number) {
  return format("ns-%06zu", number);
}

policy::Labels label(const std::string& key, const std::string& value) {
  return policy::Labels({std::pair(key, value)});
}

policy::LabelSelector app(std::size_t number) {
  return {label("app", "app-" + std::to_string(number)), {}};
}

policy::Namespace namespaceOf(std::size_t number) {
  const auto name = namespaceName(number);
  return {name, policy::Labels({{"kubernetes.io/metadata.name", name}})};
}

policy::Pod podOf(std::size_t number) {
  policy::Pod pod;
  pod.key = {namespaceName(number / kPodsPerNamespace),
             format("web-frontend-6c5d7f9b4d-%06zu", number)};
  pod.uid = format("3b1e9c1c-2f4d-4c59-9f6e-%012zx", number);
  pod.nodeName = format("node-%04zu", number / 100);
  pod.phase = policy::PodPhase::Running;
  pod.labels =
      policy::Labels({{"app", "app-" + std::to_string(number % 10)},
                      {"tier", "t"},
                      {"pod-template-hash", format("%08zx", number / 20 * 10 + number % 10)}});
  pod.ips = {addressOf(number + 1)};
  pod.ports = {{"http", base::Protocol::Tcp, 8080}};
  return pod;
}

policy::NetworkPolicy policyOf(std::size_t ns, std::size_t number) {
  policy::NetworkPolicy policy;
  policy.key = {namespaceName(ns), "policy-" + std::to_string(number)};
  policy.podSelector = app(number);
  policy.ingress = {
      {{{app(number + 2), {}, {}}}, {{base::Protocol::Tcp, *base::PortRange::single(80)}}},
      {{{app(number + 4), policy::LabelSelector{}, {}}}, {}}};
  return policy;
}

std::vector<policy::Endpoint> endpointsOf(const policy::Pod& pod, std::size_t number) {
  return {{pod.key, *base::IfName::parse(format("kpol%011zx", number)), pod.ips, {}}};
}

void fill(policy::Engine& engine, std::size_t pods) {
  for (std::size_t i = 0; i < pods; ++i) {
    if (i % kPodsPerNamespace == 0) {
      const auto ns = i / kPodsPerNamespace;
      engine.put(namespaceOf(ns));
      for (std::size_t p = 0; p < 2; ++p) engine.put(policyOf(ns, p));
    }
    const auto pod = podOf(i);
    engine.put(pod);
    if (i < kLocalPods) engine.setEndpoints(pod.key, endpointsOf(pod, i));
  }
}

// ---- commits

void commit(nft::Kernel& kernel, const nft::ChangeSet& changes) {
  const auto outcome = kernel.commit(changes);
  if (const auto* rejected = std::get_if<nft::Rejected>(&outcome))
    throw std::runtime_error(rejected->message);
}

// A socket that only sends the transactions.
class BareSocket {
 public:
  BareSocket() : socket_(mnl_socket_open(NETLINK_NETFILTER)) {
    if (!socket_ || mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) != 0)
      throw std::runtime_error("cannot open a netlink socket");
  }
  void transact(const std::vector<std::uint8_t>& bytes) {
    if (mnl_socket_sendto(socket_.get(), bytes.data(), bytes.size()) < 0)
      throw std::runtime_error("cannot send");
    const auto size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    const auto* answer = reinterpret_cast<const nlmsghdr*>(buffer_.data());
    const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(answer));
    if (size <= 0 || answer->nlmsg_type != NLMSG_ERROR || error->error != 0)
      throw std::runtime_error("the kernel refused the floor's transaction");
  }

 private:
  struct Close {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
  };
  std::unique_ptr<mnl_socket, Close> socket_;
  alignas(nlmsghdr) std::array<std::uint8_t, 8192> buffer_{};
};

std::vector<std::uint8_t> bytesOf(const nft::ChangeSet& changes, const nft::Ruleset& table) {
  nft::Declarations declarations;
  for (const auto& [name, set] : table.sets) {
    auto declaration = set;
    declaration.elements.clear();
    declarations.emplace(name, std::move(declaration));
  }
  nft::Batch batch;
  nft::Encoder encoder(changes.table, declarations, batch);
  for (const auto& change : changes.changes) encoder.encode(change, {});
  std::uint32_t sequence = 0;
  const auto bytes = batch.seal([&] { return ++sequence; });
  return {bytes.begin(), bytes.end()};
}

// ---- events

using Step = std::function<void(policy::Engine&)>;

struct Percentiles {
  double p50 = 0;
  double p99 = 0;
};

Percentiles percentiles(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return {all[all.size() / 2], all[all.size() * 99 / 100]};
}

// `there` and `back` undo one another; each is measured, and each one's transaction repeated bare.
void measure(policy::Engine& engine, nft::Kernel& kernel,
             const std::array<std::pair<const char*, Step>, 2>& turns) {
  constexpr int kRounds = 300;
  std::array<std::vector<double>, 2> took;
  std::array<std::vector<double>, 2> floor;
  std::array<nft::ChangeSet, 2> last;
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t turn = 0; turn < 2; ++turn) {
      const auto start = Clock::now();
      turns[turn].second(engine);
      last[turn] = engine.takeChanges();
      commit(kernel, last[turn]);
      took[turn].push_back(millisecondsSince(start));
    }
  }
  const auto table = engine.ruleset();
  const std::array bytes{bytesOf(last[0], table), bytesOf(last[1], table)};
  BareSocket socket;
  for (int round = 0; round < kRounds; ++round) {
    for (std::size_t turn = 0; turn < 2; ++turn) {
      const auto start = Clock::now();
      socket.transact(bytes[turn]);
      floor[turn].push_back(millisecondsSince(start));
    }
  }
  for (std::size_t turn = 0; turn < 2; ++turn) {
    const auto ours = percentiles(took[turn]);
    const auto theirs = percentiles(floor[turn]);
    std::printf("  %-34s %8.3f %8.3f   %8.3f %8.3f   %5.2f   %4zu changes\n", turns[turn].first,
                ours.p50, ours.p99, theirs.p50, theirs.p99, ours.p50 / theirs.p50,
                last[turn].changes.size());
  }
}

// A pod of this node, of a profile that others have; then egress is policed as well, everywhere.
void measureLocalPod(policy::Engine& engine, nft::Kernel& kernel) {
  const auto pod = podOf(20);  // of app-0: isolated
  auto open = pod;
  open.labels = label("app", "app-9");
  const auto measureBoth = [&](const char* attached, const char* detached, const char* opened,
                               const char* isolated) {
    measure(engine, kernel,
            {{{detached, [&](auto& e) { e.setEndpoints(pod.key, {}); }},
              {attached, [&](auto& e) { e.setEndpoints(pod.key, endpointsOf(pod, 20)); }}}});
    measure(engine, kernel,
            {{{opened, [&](auto& e) { e.put(open); }}, {isolated, [&](auto& e) { e.put(pod); }}}});
  };
  measureBoth("local pod attached", "local pod detached", "local pod relabelled, open",
              "local pod relabelled, isolated");
  for (std::size_t ns = 0; ns < kLocalPods / kPodsPerNamespace + 1; ++ns) {
    policy::NetworkPolicy out;
    out.key = {namespaceName(ns), "egress"};
    out.policyTypes = {policy::Direction::Egress};
    for (std::size_t port = 0; port < 4; ++port)
      out.egress.push_back({{{app(port), {}, {}}},
                            {{base::Protocol::Tcp,
                              *base::PortRange::single(static_cast<std::uint16_t>(80 + port))}}});
    engine.put(out);
  }
  commit(kernel, engine.takeChanges());
  measureBoth("  egress policed: attached", "  egress policed: detached",
              "  egress policed: relabelled, open", "  egress policed: relabelled, isolated");
}

void measureEvents(policy::Engine& engine, nft::Kernel& kernel, std::size_t pods) {
  std::printf("  %-34s %8s %8s   %8s %8s   %5s\n", "event to commit, ms", "p50", "p99", "floor p50",
              "p99", "ratio");
  auto come = podOf(pods + 4);  // of app-4, which policies of local pods admit from everywhere
  measure(engine, kernel,
          {{{"pod added", [&](auto& e) { e.put(come); }},
            {"pod removed", [&](auto& e) { e.removePod(come.key); }}}});

  auto member = podOf(pods - 6);  // of app-4
  auto stranger = member;
  stranger.labels = label("app", "other");
  measure(engine, kernel,
          {{{"pod relabelled out of the sets", [&](auto& e) { e.put(stranger); }},
            {"pod relabelled into the sets", [&](auto& e) { e.put(member); }}}});

  // A policy of local pods that admits the namespaces of a team.
  auto team = policyOf(1, 2);
  team.podSelector = app(0);
  team.ingress = {{{{{}, policy::LabelSelector{label("team", "a"), {}}, {}}}, {}}};
  engine.put(team);
  commit(kernel, engine.takeChanges());
  const auto plain = namespaceOf(pods / kPodsPerNamespace - 1);
  auto labelled = plain;
  auto labels = plain.labels.entries();
  labels.emplace_back("team", "a");
  labelled.labels = policy::Labels(labels);
  measure(engine, kernel,
          {{{"namespace of 20 pods relabelled in", [&](auto& e) { e.put(labelled); }},
            {"namespace of 20 pods relabelled out", [&](auto& e) { e.put(plain); }}}});

  policy::NetworkPolicy wide = policyOf(0, 7);  // selects ten local pods
  wide.podSelector = {{},
                      {{"app",
                        policy::LabelRequirement::Operator::In,
                        {"app-2", "app-3", "app-4", "app-5", "app-6"}}}};
  auto narrow = wide;
  narrow.ingress.pop_back();
  measure(engine, kernel,
          {{{"policy of 10 local pods added", [&](auto& e) { e.put(wide); }},
            {"policy of 10 local pods removed", [&](auto& e) { e.removePolicy(wide.key); }}}});
  engine.put(wide);
  commit(kernel, engine.takeChanges());
  measure(engine, kernel,
          {{{"policy changed, stricter", [&](auto& e) { e.put(narrow); }},
            {"policy changed back", [&](auto& e) { e.put(wide); }}}});
  measureLocalPod(engine, kernel);
}

// ---- start

// Another user of nf_tables, with a table of its own: how long it waits at worst.
class Bystander {
 public:
  Bystander() : thread_([this] { run(); }) {
    while (!running_) std::this_thread::yield();
  }
  double longestWait() {
    stop_ = true;
    thread_.join();
    return longest_;
  }

 private:
  void run() {
    nft::Kernel::Options options;
    options.table = "bystander";
    options.own = false;
    nft::Kernel kernel(std::move(options));
    nft::ChangeSet make{"bystander", {nft::AddTable{}}};
    nft::ChangeSet come{"bystander", {nft::AddCounter{"c"}}};
    nft::ChangeSet go{"bystander", {nft::DeleteCounter{"c"}}};
    commit(kernel, make);
    while (!stop_) {
      for (const auto* turn : {&come, &go}) {
        const auto start = Clock::now();
        commit(kernel, *turn);
        longest_ = std::max(longest_, millisecondsSince(start));
      }
      running_ = true;
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    commit(kernel, {"bystander", {nft::DeleteTable{}}});
  }
  std::atomic<bool> running_ = false;
  std::atomic<bool> stop_ = false;
  double longest_ = 0;
  std::thread thread_;
};

void measureCluster(std::size_t pods) {
  if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("cannot make a network namespace");
  auto options = nft::Kernel::Options::withShortBatches(policy::holdsPods);
  options.own = false;  // the floor writes the same table
  nft::Kernel kernel(std::move(options));
  const double before = residentMib();
  Bystander bystander;
  const auto start = Clock::now();
  const double cpuStart = cpuMilliseconds();
  policy::Engine engine({});
  fill(engine, pods);
  const double taken = millisecondsSince(start);
  auto changes = engine.takeChanges();
  changes.changes.insert(changes.changes.begin(), nft::AddTable{});
  const double compiled = millisecondsSince(start);
  commit(kernel, changes);
  const double enforcing = millisecondsSince(start);
  const double cpu = cpuMilliseconds() - cpuStart;
  const double peak = residentMib() - before;
  changes = {};
  ::malloc_trim(0);
  const double held = residentMib() - before;
  const auto size = engine.size();
  std::printf(
      "%zu pods, %zu policies, %zu local: objects in %.0f ms, changes made %.0f ms, enforcing "
      "%.0f ms (CPU %.0f ms); longest wait of another netlink user %.1f ms; RSS at enforcing "
      "%.1f MiB, afterwards %.1f MiB; %zu sets, %zu chains, %zu elements\n",
      pods, pods / kPodsPerNamespace * 2, std::min(pods, kLocalPods), taken, compiled, enforcing,
      cpu, bystander.longestWait(), peak, held, size.sets, size.chains, size.elements);
  measureEvents(engine, kernel, pods);
}

// ---- large changes

double longestWaitDuring(const std::function<void()>& change) {
  Bystander bystander;
  change();
  return bystander.longestWait();
}

struct Timing {
  double commit = 0;
  double wait = 0;
};

Timing timed(nft::Kernel& kernel, const nft::ChangeSet& changes) {
  Timing timing;
  timing.wait = longestWaitDuring([&] {
    const auto start = Clock::now();
    commit(kernel, changes);
    timing.commit = millisecondsSince(start);
  });
  return timing;
}

void report(const char* what, const Timing& whole, const Timing& split) {
  std::printf("%-40s in one batch %6.0f ms, others wait %6.1f ms; split %6.0f ms, wait %6.1f ms\n",
              what, whole.commit, whole.wait, split.commit, split.wait);
}

// The same change made in both ways, each from the same table.
void compareWays(const char* what, const std::optional<nft::Ruleset>& from,
                 const nft::Ruleset& to) {
  Timing timings[2];
  for (const bool split : {false, true}) {
    auto options =
        split ? nft::Kernel::Options::withShortBatches(policy::holdsPods) : nft::Kernel::Options();
    options.own = false;
    nft::Kernel kernel(std::move(options));
    if (from) commit(kernel, nft::diff(std::nullopt, *from));
    timings[split ? 1 : 0] = timed(kernel, nft::diff(from, to));
    commit(kernel, {"kpol", {nft::DeleteTable{}}});
  }
  report(what, timings[0], timings[1]);
}

// A policy for each of `pods` local pods, with selectors and a port of its own.
nft::Ruleset tableOfPolicies(std::size_t pods, const std::string& variant) {
  policy::Snapshot cluster;
  cluster.namespaces = {namespaceOf(0)};
  for (std::size_t i = 0; i < pods; ++i) {
    auto pod = podOf(i);
    pod.key.ns = namespaceName(0);
    pod.labels = label("app", format("app-%06zu", i));
    cluster.endpoints.push_back({pod.key, *base::IfName::parse(format("kpol%011zx", i)), pod.ips});
    cluster.pods.push_back(pod);
    policy::NetworkPolicy policy;
    policy.key = {namespaceName(0), format("policy-%06zu", i)};
    policy.podSelector = {pod.labels, {}};
    const policy::LabelSelector peer{label("app", format("app-%06zu", (i + 1) % pods)), {}};
    const policy::LabelSelector elsewhere{label("of", variant + std::to_string(i)), {}};
    policy.ingress = {{{{peer, {}, {}}, {elsewhere, {}, {}}},
                       {{base::Protocol::Tcp, *base::PortRange::single(80)}}}};
    cluster.policies.push_back(policy);
  }
  return policy::compile(cluster).ruleset;
}

// The table of a node of a large cluster, by who is in which app.
nft::Ruleset tableOfPods(std::size_t pods, std::size_t shift) {
  policy::Engine engine({});
  fill(engine, pods);
  for (std::size_t i = kLocalPods; i < pods && shift > 0; ++i) {
    auto pod = podOf(i);
    pod.labels = label("app", "app-" + std::to_string((i + shift) % 10));
    engine.put(pod);
  }
  return engine.ruleset();
}

void measureLargeChanges() {
  if (::unshare(CLONE_NEWNET) != 0) throw std::runtime_error("cannot make a network namespace");
  const auto here = tableOfPods(100000, 0);
  compareWays("100,000 pods, start without a table", std::nullopt, here);
  compareWays("100,000 pods, each in another app", here, tableOfPods(100000, 3));
  for (const std::size_t profiles : {250U, 1000U}) {
    std::printf("%zu profiles:\n", profiles);
    const auto policies = tableOfPolicies(profiles, "one");
    compareWays("  start without a table", std::nullopt, policies);
    compareWays("  each peer replaced", policies, tableOfPolicies(profiles, "two"));
    compareWays("  all deleted", policies, tableOfPolicies(1, "one"));
  }
}

}  // namespace
}  // namespace kpol

int main(int argc, char** argv) {
  try {
    kpol::measureLargeChanges();
    if (argc > 1 && std::string(argv[1]) == "--large-changes") return 0;
    for (const std::size_t pods : {1000U, 10000U, 100000U}) kpol::measureCluster(pods);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
