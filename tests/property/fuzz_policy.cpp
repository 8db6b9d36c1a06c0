// SPDX-License-Identifier: Apache-2.0
// Tests random clusters until the time is over: the evaluation of the policies, the compiled table
// and, with --packets, the kernel must agree. tests/fuzz_policy builds and runs it.
#include "tests/kernel/random_packets.hpp"
#include "tests/support/policy_proof.hpp"

#include <CLI/CLI.hpp>
#include <sched.h>
#include <sys/mount.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <exception>
#include <functional>
#include <limits>
#include <memory>
#include <random>

namespace kpol::test {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  double minutes = 1;
  std::optional<std::uint64_t> clusters;  // in place of minutes
  std::uint64_t seed = std::random_device{}();
  int flows = 100;
  bool packets = false;
};

// Proves the cluster of one seed.
using Prove = std::function<std::optional<Counterexample>(std::uint64_t seed, ProofCounts&)>;

void print(const char* what, const ProofCounts& counts, std::uint64_t nextSeed) {
  const auto number = [](std::uint64_t n) { return static_cast<unsigned long long>(n); };
  std::printf(
      "%s: %llu clusters, %llu verdicts (%llu allowed, %llu denied, %llu of IPv6); "
      "next seed %llu\n",
      what, number(counts.clusters), number(counts.verdicts), number(counts.allowed),
      number(counts.verdicts - counts.allowed), number(counts.ipv6), number(nextSeed));
  std::fflush(stdout);
}

int run(const Options& options, const Prove& prove, const char* what) {
  const auto end =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(
                         std::chrono::duration<double, std::ratio<60>>(options.minutes));
  auto nextReport = Clock::now() + std::chrono::seconds(10);
  ProofCounts counts;
  std::uint64_t seed = options.seed;
  const auto more = [&] {
    return options.clusters ? counts.clusters < *options.clusters : Clock::now() < end;
  };
  std::printf("first seed %llu\n", static_cast<unsigned long long>(seed));
  for (; more(); ++seed) {
    if (const auto counterexample = prove(seed, counts)) {
      print(what, counts, seed + 1);
      std::printf("NOT EQUAL; again with --seed %llu --clusters 1%s\n%s",
                  static_cast<unsigned long long>(seed), options.packets ? " --packets" : "",
                  toText(*counterexample).c_str());
      return 1;
    }
    if (Clock::now() < nextReport) continue;
    nextReport += std::chrono::seconds(10);
    print(what, counts, seed + 1);
  }
  print(what, counts, seed);
  std::printf("all agree\n");
  return 0;
}

// After every 25 clusters, recreate the node with the other setting of podToNode.
class PacketProver {
 public:
  std::optional<Counterexample> prove(std::uint64_t seed, ProofCounts& counts) {
    const auto podToNode =
        seed / 25 % 2 == 0 ? policy::PodToNode::Allow : policy::PodToNode::Policy;
    if (!node_ || podToNode != podToNode_) {
      node_.reset();
      node_ = std::make_unique<RandomPackets>(podToNode);
      podToNode_ = podToNode;
    }
    return node_->prove(seed, counts);
  }

 private:
  std::unique_ptr<RandomPackets> node_;
  policy::PodToNode podToNode_ = policy::PodToNode::Allow;
};

int runPackets(const Options& options) {
  if (unshare(CLONE_NEWNET | CLONE_NEWNS) != 0 ||
      mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) {
    std::fprintf(stderr, "--packets needs namespaces of its own (root): %s\n",
                 std::strerror(errno));
    return 1;
  }
  PacketProver prover;
  return run(
      options, [&](std::uint64_t seed, ProofCounts& counts) { return prover.prove(seed, counts); },
      "policies == table == packets");
}

}  // namespace
}  // namespace kpol::test

int main(int argc, char** argv) {
  using namespace kpol::test;
  Options options;
  CLI::App app{
      "Proves random clusters and policies: evaluator against compiled table against "
      "packets. Exit code 1: a disagreement, shown in its smallest case."};
  app.add_option("--minutes", options.minutes, "for how long (default 1)")
      ->check(CLI::PositiveNumber);
  app.add_option("--clusters", options.clusters, "how many clusters, instead of --minutes");
  app.add_option("--seed", options.seed, "seed of the first cluster (default: a new one)");
  app.add_option("--flows", options.flows, "flows a cluster, without --packets (default 100)")
      ->check(CLI::Range(1, 100000));
  app.add_flag("--packets", options.packets, "real pods, kpold and packets too (root)");
  CLI11_PARSE(app, argc, argv);
  try {
    if (options.packets) return runPackets(options);
    return run(
        options,
        [&](std::uint64_t seed, ProofCounts& counts) {
          return proveCompiled(seed, options.flows, counts);
        },
        "policies == table");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
