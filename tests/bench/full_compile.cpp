// SPDX-License-Identifier: Apache-2.0
// A node's whole table, compiled from a snapshot and loaded into the kernel, by cluster size.
#include "nft/diff.hpp"
#include "nft/kernel.hpp"
#include "policy/compile.hpp"

#include <benchmark/benchmark.h>
#include <sched.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace kpol {
namespace {

constexpr std::size_t kLocalPods = 250;

base::IpAddress addressOf(std::size_t number) {
  const std::array<std::uint8_t, 4> bytes{10, static_cast<std::uint8_t>(number >> 16U),
                                          static_cast<std::uint8_t>(number >> 8U),
                                          static_cast<std::uint8_t>(number)};
  return *base::IpAddress::fromBytes(bytes);
}

policy::LabelSelector app(std::size_t number) {
  return {policy::Labels({{"app", "app-" + std::to_string(number)}}), {}};
}

// Twenty pods a namespace, of ten apps; two policies a namespace: each admits one app of its own
// namespace on a port, and one app of all namespaces.
policy::Snapshot clusterOf(std::size_t pods) {
  policy::Snapshot snapshot;
  for (std::size_t i = 0; i < pods; ++i) {
    char ns[32];
    std::snprintf(ns, sizeof ns, "ns-%06zu", i / 20);
    char name[32];
    std::snprintf(name, sizeof name, "pod-%06zu", i);
    policy::Pod pod;
    pod.key = {ns, name};
    pod.phase = policy::PodPhase::Running;
    pod.labels = policy::Labels({{"app", "app-" + std::to_string(i % 10)}, {"tier", "t"}});
    pod.ips = {addressOf(i + 1)};
    if (i < kLocalPods) {
      char interface[16];
      std::snprintf(interface, sizeof interface, "kpol%011zx", i);
      snapshot.endpoints.push_back({pod.key, *base::IfName::parse(interface), pod.ips});
    }
    snapshot.pods.push_back(std::move(pod));
    if (i % 20 != 0) continue;
    snapshot.namespaces.push_back({ns, policy::Labels({{"kubernetes.io/metadata.name", ns}})});
    for (std::size_t p = 0; p < 2; ++p) {
      policy::NetworkPolicy policy;
      policy.key = {ns, "policy-" + std::to_string(p)};
      policy.podSelector = app(p);
      policy.ingress = {
          {{{app(p + 2), {}, {}}}, {{base::Protocol::Tcp, *base::PortRange::single(80)}}},
          {{{app(p + 4), policy::LabelSelector{}, {}}}, {}}};
      snapshot.policies.push_back(std::move(policy));
    }
  }
  return snapshot;
}

void compileAll(benchmark::State& state) {
  const auto snapshot = clusterOf(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(policy::compile(snapshot));
}

void loadAll(benchmark::State& state) {
  const auto ruleset = policy::compile(clusterOf(static_cast<std::size_t>(state.range(0)))).ruleset;
  nft::Kernel kernel({});
  nft::ChangeSet remove;
  remove.changes = {nft::DeleteTable{}};
  std::size_t elements = 0;
  for (const auto& [name, set] : ruleset.sets) elements += set.elements.size();
  for (auto _ : state) {
    if (!std::holds_alternative<nft::Committed>(kernel.commit(nft::diff({}, ruleset)))) {
      state.SkipWithError("the kernel refused the table");
      return;
    }
    state.PauseTiming();
    kernel.commit(remove);
    state.ResumeTiming();
  }
  state.counters["sets"] = static_cast<double>(ruleset.sets.size());
  state.counters["chains"] = static_cast<double>(ruleset.chains.size());
  state.counters["elements"] = static_cast<double>(elements);
}

// What start-up reads before it compares.
void readBackAll(benchmark::State& state) {
  const auto ruleset = policy::compile(clusterOf(static_cast<std::size_t>(state.range(0)))).ruleset;
  nft::Kernel kernel({});
  kernel.commit(nft::diff({}, ruleset));
  for (auto _ : state) benchmark::DoNotOptimize(kernel.readBack());
  nft::ChangeSet remove;
  remove.changes = {nft::DeleteTable{}};
  kernel.commit(remove);
}

BENCHMARK(compileAll)->Arg(100)->Arg(1000)->Arg(10000)->Unit(benchmark::kMillisecond);
BENCHMARK(loadAll)->Arg(100)->Arg(1000)->Arg(10000)->Unit(benchmark::kMillisecond);
BENCHMARK(readBackAll)->Arg(100)->Arg(1000)->Arg(10000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace kpol

int main(int argc, char** argv) {
  if (unshare(CLONE_NEWNET) < 0) {
    std::fprintf(stderr, "a network namespace of its own is needed: %s\n", std::strerror(errno));
    return 1;
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
}
