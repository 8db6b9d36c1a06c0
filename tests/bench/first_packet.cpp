// SPDX-License-Identifier: Apache-2.0
// What a packet between two pods of a node costs with N policies on its destination, for the table
// of policy::compile() and for two other designs of the same meaning; what alternatives within our
// own design would cost. All variants of a table take turns, round by round, so that they see the
// same machine; times are the sending thread's on the CPU, medians, and differences to the first
// variant are medians of the differences within a round.
#include "nft/diff.hpp"
#include "policy/compile.hpp"
#include "tests/bench/first_packet_rulesets.hpp"
#include "tests/bench/first_packet_site.hpp"

#include <CLI/CLI.hpp>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>

namespace kpol::bench {
namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Variant {
  std::string name;
  Site site;
  unsigned batch = 256;  // packets per round; fewer if each takes long
  std::vector<double> samples = {};
};

// A deque: sites stay where they are.
using Variants = std::deque<Variant>;

Variant& add(Variants& variants, const std::string& name) {
  return variants.emplace_back(Variant{name, Site()});
}

void addOurs(Variants& variants, const std::string& name, const nft::Ruleset& ruleset) {
  add(variants, name).site.load(ruleset);
}
void addOurs(Variants& variants, const std::string& name, const Shape& shape) {
  addOurs(variants, name, policy::compile(clusterOf(shape)).ruleset);
}

void addOthers(Variants& variants, const std::string& name, const Shape& shape) {
  auto& chains = add(variants, "nft, a chain a policy, " + name);
  chains.site.run("nft -f -", chainPerPolicyText(shape));
  auto& linear = add(variants, "iptables + ipset, " + name);
  linear.site.run("ipset restore", ipsetText(shape));
  linear.site.run("iptables-restore", iptablesText(shape));
  if (shape.policies >= 100 || shape.localPods >= 100) chains.batch = linear.batch = 32;
}

using Measure = std::function<double(Variant&)>;

// Samples of one round have the same index: each variant runs once in each round.
void measure(Variants& variants, int rounds, const Measure& once) {
  for (auto& variant : variants) {
    variant.samples.clear();
    once(variant);  // warm
  }
  for (int round = 0; round < rounds; ++round) {
    for (std::size_t i = 0; i < variants.size(); ++i) {
      auto& variant = variants[(i + static_cast<std::size_t>(round)) % variants.size()];
      variant.samples.push_back(once(variant));
    }
  }
}

double differenceTo(const Variant& base, const Variant& variant) {
  std::vector<double> differences;
  for (std::size_t i = 0; i < base.samples.size(); ++i)
    differences.push_back(variant.samples[i] - base.samples[i]);
  return median(std::move(differences));
}

void report(const char* title, const Variants& variants) {
  std::printf("\n%s\n%-48s %10s %12s %8s\n", title, "", "median ns", "+ns", "ratio");
  const auto& base = variants.front();
  for (const auto& variant : variants)
    std::printf("%-48s %10.0f %12.0f %8.3f\n", variant.name.c_str(), median(variant.samples),
                differenceTo(base, variant), median(variant.samples) / median(base.samples));
  std::fflush(stdout);
}

void reportRate(const char* title, const Variants& variants) {
  std::printf("\n%s\n%-48s %10s %8s\n", title, "", "per second", "ratio");
  const auto rate = [](const Variant& variant) { return 1e9 / median(variant.samples); };
  for (const auto& variant : variants)
    std::printf("%-48s %10.0f %8.3f\n", variant.name.c_str(), rate(variant),
                rate(variant) / rate(variants.front()));
  std::fflush(stdout);
}

// Links take some time to come up.
void expectAllArrive(Variants& variants) {
  for (auto& variant : variants) {
    unsigned count = 0;
    for (int tries = 0; count != 20 && tries < 100; ++tries) {
      if (tries > 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
      count = variant.site.arriving(20);
    }
    if (count != 20)
      throw std::runtime_error(variant.name + ": " + std::to_string(count) + " of 20 packets pass");
  }
}

const Measure kFirst = [](Variant& v) { return v.site.firstPackets(v.batch); };

std::string policies(std::size_t count) {
  return std::to_string(count) + (count == 1 ? " policy" : " policies");
}

void byPolicies(int rounds) {
  Variants variants;
  add(variants, "conntrack alone");
  addOurs(variants, "kpol, no policy", Shape{});
  for (const std::size_t count : {1U, 10U, 100U, 1000U}) {
    addOurs(variants, "kpol, " + policies(count), {count});
    addOthers(variants, policies(count), {count});
  }
  expectAllArrive(variants);
  measure(variants, rounds, kFirst);
  report("First packet, by policies on the destination", variants);
  measure(variants, rounds / 2, [](Variant& v) { return v.site.establishedPackets(256); });
  report("Established packet", variants);
  measure(variants, rounds / 4, [](Variant& v) { return v.site.connections(v.batch / 8); });
  reportRate("TCP connections", variants);
}

void byLocalPods(int rounds) {
  Variants variants;
  add(variants, "conntrack alone");
  for (const std::size_t count : {10U, 500U, 1000U}) {
    const auto name = std::to_string(count) + " local pods";
    addOurs(variants, "kpol, " + name, {10, count});
    addOthers(variants, name, {10, count});
  }
  expectAllArrive(variants);
  measure(variants, rounds, kFirst);
  report("First packet, by local pods (10 policies on the destination)", variants);
}

// The chain that filters port kPort in the table of one policy.
nft::Chain& portChain(nft::Ruleset& ruleset) {
  const auto port = "-tcp-" + std::to_string(kPort) + "-";
  for (auto& [name, chain] : ruleset.chains)
    if (name.starts_with("in-shop-") && name.find(port) != name.npos && chain.rules.size() >= 2)
      return chain;
  throw std::logic_error("no chain of port " + std::to_string(kPort));
}

// Like the table of one policy, but with lookups in `count` sets; only the last contains the
// client.
nft::Ruleset withSelectorSets(std::size_t count) {
  auto ruleset = policy::compile(clusterOf({1})).ruleset;
  auto& chain = portChain(ruleset);
  const auto lookup = chain.rules.front();
  for (std::size_t i = 1; i < count; ++i) {
    auto other = lookup;
    auto& match = std::get<nft::Match>(other.statements.front());
    auto set = ruleset.sets.at(std::get<nft::InSet>(match.right).set);
    set.name = "other" + std::to_string(i);
    set.elements.clear();
    for (std::uint8_t peer = 1; peer <= 20; ++peer)
      set.elements.push_back(nft::element(nft::Key::of(
          *base::IpAddress::fromBytes(std::array<std::uint8_t, 4>{172, 16, 0, peer}))));
    match.right = nft::InSet{set.name};
    chain.rules.insert(chain.rules.begin(), other);
    ruleset.add(std::move(set));
  }
  return ruleset;
}

// Nanoseconds of one commit of `changes` and of its reverse, each.
double commitTime(nft::Kernel& kernel, const nft::ChangeSet& there, const nft::ChangeSet& back) {
  const auto commit = [&](const nft::ChangeSet& changes) {
    if (!std::holds_alternative<nft::Committed>(kernel.commit(changes)))
      throw std::runtime_error("the kernel refused a change");
  };
  const double start = threadTime();
  commit(there);
  commit(back);
  return (threadTime() - start) / 2;
}

// A pod is added that is a member of `sets` sets.
double membershipTime(Variant& variant, std::size_t sets) {
  const auto member = nft::element(nft::Key::of(*base::IpAddress::parse("10.9.9.9")));
  nft::ChangeSet there;
  nft::ChangeSet back;
  for (std::size_t i = 0; i < sets; ++i) {
    const auto name = "members" + std::to_string(i);
    there.changes.emplace_back(nft::AddElements{name, {member}});
    back.changes.emplace_back(nft::DeleteElements{name, {member}});
  }
  return commitTime(variant.site.kernel(), there, back);
}

void bySelectorSets(int rounds) {
  Variants variants;
  addOurs(variants, "1 set (or one union)", withSelectorSets(1));
  for (const std::size_t count : {2U, 3U, 4U, 6U, 8U, 16U})
    addOurs(variants, std::to_string(count) + " sets", withSelectorSets(count));
  expectAllArrive(variants);
  measure(variants, rounds * 2, kFirst);
  report("First packet, by selector sets asked one after the other (the last admits)", variants);

  Variants members;
  for (const std::size_t count : {1U, 2U, 4U, 8U, 16U, 100U}) {
    nft::Ruleset ruleset;
    for (std::size_t i = 0; i < count; ++i) {
      nft::Set set;
      set.name = "members" + std::to_string(i);
      set.key = {nft::DataType::Ipv4Addr};
      set.size = 2048;
      ruleset.add(std::move(set));
    }
    auto& variant = add(members, "member of " + std::to_string(count) + " sets");
    variant.site.load(ruleset);
    variant.batch = static_cast<unsigned>(count);
  }
  measure(members, rounds, [](Variant& v) { return membershipTime(v, v.batch); });
  report("Commit of a pod that comes or goes, by sets that have it", members);

  // Another policy for a pod: its own set and rule, or a recreated union set.
  Variants growth;
  for (const std::size_t count : {3U, 20U, 100U}) {
    auto& variant = add(growth, "policy " + std::to_string(count + 1) + " on a pod, 20 peers each");
    variant.site.load(policy::compile(clusterOf({count})).ruleset);
    variant.batch = static_cast<unsigned>(count);
  }
  measure(growth, rounds / 4, [](Variant& v) {
    const auto one = policy::compile(clusterOf({v.batch})).ruleset;
    const auto other = policy::compile(clusterOf({v.batch + 1})).ruleset;
    return commitTime(v.site.kernel(), nft::diff(one, other), nft::diff(other, one));
  });
  report("Commit of one policy more, or less", growth);
}

// `counter` in every rule with a final verdict of its own or a lookup.
nft::Ruleset withCounters(nft::Ruleset ruleset) {
  for (auto& [name, chain] : ruleset.chains) {
    if (!name.starts_with("in-") && !name.starts_with("eg-")) continue;
    for (auto& rule : chain.rules) {
      const bool counts = std::ranges::any_of(rule.statements, [](const auto& statement) {
        return std::holds_alternative<nft::CounterReference>(statement);
      });
      const auto* verdict = std::get_if<nft::Verdict>(&rule.statements.back());
      if (counts || verdict == nullptr) continue;
      rule.statements.insert(rule.statements.end() - 1, nft::AnonymousCounter{});
    }
  }
  return ruleset;
}

void byCounters(int rounds) {
  Variants variants;
  for (const std::size_t count : {1U, 100U}) {
    const auto ruleset = policy::compile(clusterOf({count})).ruleset;
    addOurs(variants, policies(count) + ", no counters", ruleset);
    addOurs(variants, policies(count) + ", a counter in every rule", withCounters(ruleset));
  }
  expectAllArrive(variants);
  measure(variants, rounds * 2, kFirst);
  report("First packet, with counters in the rules of profiles", variants);
  std::printf("%-48s %10.0f ns\n", "a counter on the way, at 100 policies",
              differenceTo(variants[2], variants[3]));
}

// A table with some of the statements that every first packet meets, as nft text.
void addPart(Variants& variants, const std::string& name, const std::string& rules) {
  add(variants, name)
      .site.run("nft -f -",
                "table inet part {\n"
                "chain room {\nct label set 127\n}\nchain next {\n}\n"
                "set endpoints { typeof iifname . ip saddr; size 128; elements = {\n" +
                    std::string(kClientInterface) + " . " + kClientIp + ", " + kServerInterface +
                    " . " + kServerIp +
                    " } }\nmap none { type ipv4_addr : verdict; size 128; }\n"
                    "chain forward { type filter hook forward priority -5; policy accept;\n" +
                    rules + "\n}\n}\n");
}

// The cost of the table without policies, part by part.
void byParts(int rounds) {
  const std::string established = "ct state established,related accept\n";
  Variants variants;
  add(variants, "conntrack alone");
  addPart(variants, "ct state", established);
  addPart(variants, "ct state, ct label", "ct label 127 drop\n" + established);
  addPart(variants, "ct state, family", established + "meta nfproto ipv4 goto next");
  addPart(variants, "ct state, endpoint checks",
          established +
              "iifname \"kpol*\" iifname . ip saddr != @endpoints drop\n"
              "oifname \"kpol*\" oifname . ip daddr != @endpoints drop");
  addPart(variants, "ct state, dispatch", established + "ip saddr vmap @none\nip daddr vmap @none");
  addOurs(variants, "kpol, no policy", Shape{});
  // Not to the host port: what everybody else pays for the NAT hooks.
  auto withHostPort = clusterOf(Shape{});
  withHostPort.endpoints.front().hostPorts = {{base::Protocol::Tcp, 8080, {}, 80}};
  addOurs(variants, "kpol, no policy, a host port on the node",
          policy::compile(withHostPort).ruleset);
  expectAllArrive(variants);
  measure(variants, rounds * 2, kFirst);
  report("First packet, by parts of the table", variants);
  measure(variants, rounds, [](Variant& v) { return v.site.establishedPackets(256); });
  report("Established packet, by parts of the table", variants);
}

void pinToOneCpu() {
  cpu_set_t cpus;
  CPU_ZERO(&cpus);
  CPU_SET(static_cast<std::size_t>(sched_getcpu()), &cpus);
  sched_setaffinity(0, sizeof cpus, &cpus);
}

}  // namespace
}  // namespace kpol::bench

int main(int argc, char** argv) {
  using namespace kpol::bench;
  int rounds = 200;
  std::vector<std::string> parts{"policies", "pods", "parts", "sets", "counters"};
  CLI::App app{"First packets, established packets and connections through a node (root)."};
  app.add_option("--rounds", rounds, "rounds of each table (default 200)")
      ->check(CLI::Range(4, 100000));
  app.add_option("--part", parts, "policies, pods, parts, sets, counters (default: all)");
  CLI11_PARSE(app, argc, argv);
  if (unshare(CLONE_NEWNET) < 0) {
    std::fprintf(stderr, "a network namespace of its own is needed: %s\n", std::strerror(errno));
    return 1;
  }
  const auto wants = [&](const char* part) {
    return std::find(parts.begin(), parts.end(), part) != parts.end();
  };
  try {
    pinToOneCpu();
    if (wants("policies")) byPolicies(rounds);
    if (wants("pods")) byLocalPods(rounds);
    if (wants("parts")) byParts(rounds);
    if (wants("sets")) bySelectorSets(rounds);
    if (wants("counters")) byCounters(rounds);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
