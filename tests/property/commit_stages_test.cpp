// SPDX-License-Identifier: Apache-2.0
// Large changes are committed in stages, split into batches if they are too long, and kpold may
// crash between any two. The packets that the interpreter accepts after every single change of a
// stage:
//   prepare   exactly those accepted before
//   tighten   only packets accepted before
//   loosen    only packets accepted in the end
//   remove    exactly those accepted in the end
#include "nft/batch_split.hpp"
#include "nft/diff.hpp"
#include "nft/uses.hpp"
#include "policy/compile.hpp"
#include "policy/peer_sets.hpp"
#include "tests/support/interpreter.hpp"
#include "tests/support/policy_builders.hpp"
#include "tests/support/random_history.hpp"
#include "tests/support/seed.hpp"
#include "tests/support/shrink_policy.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace kpol::test {
namespace {

using Table = std::optional<nft::Ruleset>;

constexpr std::uint64_t kStagedHistories = 10;
constexpr std::uint64_t kMixedHistories = 20;
constexpr int kChangesEach = 32;
constexpr int kFlows = 12;

std::uint64_t firstStagesSeed() {
  static const std::uint64_t kFirst = seedOfThisRun();
  return kFirst;
}

// A packet, and the cluster that determines where its ends are.
struct Sent {
  const policy::Snapshot* cluster;
  policy::Flow flow;
  bool before = false;
  bool after = false;
};

bool passesNow(const Table& table, const Sent& sent) {
  return !table || test::passes(*table, *sent.cluster, sent.flow);
}

template <class Elements>
void cutElements(const Elements& change, std::vector<nft::Change>& pieces) {
  for (const auto& element : change.elements) pieces.push_back(Elements{change.set, {element}});
}

// The smallest pieces that batches can be cut into.
std::vector<nft::Change> cut(const nft::ChangeSet& changes, const std::vector<std::size_t>& stage) {
  std::vector<nft::Change> pieces;
  for (const auto index : stage) {
    const auto& change = changes.changes[index];
    if (const auto* added = std::get_if<nft::AddElements>(&change))
      cutElements(*added, pieces);
    else if (const auto* deleted = std::get_if<nft::DeleteElements>(&change))
      cutElements(*deleted, pieces);
    else
      pieces.push_back(change);
  }
  return pieces;
}

struct Counts {
  std::map<std::string, int> pieces;  // by stage
  std::map<std::string, int> stricter;
  int verdicts = 0;
  int violations = 0;
  std::string firstViolation;
};

// What may pass in the middle of a stage.
enum class Law { AsBefore, NotMoreThanBefore, NotMoreThanAfter, AsAfter };

bool holds(Law law, const Sent& sent, bool now) {
  switch (law) {
    case Law::AsBefore: return now == sent.before;
    case Law::NotMoreThanBefore: return !now || sent.before;
    case Law::NotMoreThanAfter: return !now || sent.after;
    case Law::AsAfter: break;
  }
  return now == sent.after;
}

class Commit {
 public:
  Commit(const Table& from, const nft::Ruleset& to, std::vector<Sent> sent, Counts& counts)
      : changes_(nft::diff(from, to)),
        stages_(nft::split(changes_, policy::holdsPods)),
        table_(from),
        sent_(std::move(sent)),
        counts_(counts) {
    for (auto& one : sent_) {
      one.before = passesNow(from, one);
      one.after = passesNow(to, one);
    }
  }

  void run() {
    pieceByPiece("prepare", stages_.prepare, Law::AsBefore);
    pieceByPiece("tighten", stages_.tighten, Law::NotMoreThanBefore);
    atOnce();
    pieceByPiece("loosen", stages_.loosen, Law::NotMoreThanAfter);
    pieceByPiece("remove", stages_.remove, Law::AsAfter);
  }

  // As nft::Kernel commits them, with packets on their way meanwhile.
  void runInBatches() {
    inOneBatch("prepare", stages_.prepare);
    inOneBatch("tighten", stages_.tighten);
    inOneBatch("change", stages_.change);
    inOneBatch("loosen", stages_.loosen);
    inOneBatch("remove", stages_.remove);
  }
  // The mistake that the stages are there to avoid.
  void runInOneBatch() { inOneBatch("all", all()); }

  // The mistake that the order is there to avoid.
  void runLooseningFirst() {
    pieceByPiece("prepare", stages_.prepare, Law::AsBefore);
    // Elements cannot be added to a recreated set before the set.
    std::vector<std::size_t> early;
    std::vector<std::size_t> late;
    for (const auto index : stages_.loosen) (canComeNow(index) ? early : late).push_back(index);
    pieceByPiece("loosen", early, Law::NotMoreThanBefore);
    atOnce();
    pieceByPiece("loosen", late, Law::NotMoreThanAfter);
    pieceByPiece("tighten", stages_.tighten, Law::NotMoreThanAfter);
  }

  [[nodiscard]] const Table& table() const { return table_; }

 private:
  [[nodiscard]] bool canComeNow(std::size_t index) const {
    const auto& added = std::get<nft::AddElements>(changes_.changes[index]);
    const auto set = table_->sets.find(added.set);
    if (set == table_->sets.end()) return false;
    for (const auto& change : changes_.changes)
      if (const auto* made = std::get_if<nft::AddSet>(&change))
        if (made->declaration.name == added.set) return false;
    return true;
  }

  void apply(std::vector<nft::Change> changes) {
    table_ = nft::apply({changes_.table, std::move(changes)}, std::move(table_));
  }

  [[nodiscard]] std::vector<std::size_t> all() const {
    std::vector<std::size_t> indices(changes_.changes.size());
    std::iota(indices.begin(), indices.end(), std::size_t{0});
    return indices;
  }

  void inOneBatch(const std::string& stage, const std::vector<std::size_t>& indices) {
    if (indices.empty()) return;
    const Table before = table_;
    std::vector<nft::Change> changes;
    for (const auto index : indices) changes.push_back(changes_.changes[index]);
    apply(std::move(changes));
    if (!before) return;  // there are no packets yet
    ++counts_.pieces[stage];
    for (const auto& one : sent_) judgeDuring(stage, *before, one);
  }

  void judgeDuring(const std::string& stage, const nft::Ruleset& before, const Sent& one) {
    const auto during = verdictsDuring(before, *table_, *one.cluster, one.flow);
    ++counts_.verdicts;
    if (during.passes && !one.before && !one.after && ++counts_.violations == 1)
      counts_.firstViolation = stage + ": " + describe(one.flow) + " in\n" + describe(*one.cluster);
    if (during.dropped && one.before && one.after) ++counts_.stricter[stage];
  }

  void pieceByPiece(const std::string& stage, const std::vector<std::size_t>& indices, Law law) {
    for (auto& piece : cut(changes_, indices)) {
      apply({std::move(piece)});
      ++counts_.pieces[stage];
      judge(stage, law);
    }
  }

  void atOnce() {
    std::vector<nft::Change> changes;
    for (const auto index : stages_.change) changes.push_back(changes_.changes[index]);
    counts_.pieces["change"] += static_cast<int>(changes.size());
    apply(std::move(changes));
    judge("change", stages_.loosen.empty() ? Law::AsAfter : Law::NotMoreThanAfter);
  }

  void judge(const std::string& stage, Law law) {
    for (const auto& one : sent_) {
      const bool now = passesNow(table_, one);
      ++counts_.verdicts;
      if (!holds(law, one, now) && ++counts_.violations == 1)
        counts_.firstViolation =
            stage + ": " + describe(one.flow) + " in\n" + describe(*one.cluster);
      if (!now && one.before && one.after) ++counts_.stricter[stage];
    }
  }

  nft::ChangeSet changes_;
  nft::BatchSplit stages_;
  Table table_;
  std::vector<Sent> sent_;
  Counts& counts_;
};

const char* const kTeams[] = {"red", "blue", "green"};
const char* const kRoles[] = {"shop", "bank"};

// Six local pods, isolated in both directions, and twelve of other nodes. Each is in a team, and
// policies admit teams. The members of the teams change. Some policies select local pods by their
// role, which changes, too.
policy::Snapshot teams(Random& random) {
  policy::Snapshot cluster;
  cluster.namespaces = {{"shop", {}}};
  for (char c = 'a'; c < 'a' + 18; ++c) {
    const bool local = c < 'a' + 6;
    const std::string end = std::to_string(c - 'a' + 1);
    policy::Pod pod;
    pod.key = {"shop", std::string(1, c)};
    pod.phase = policy::PodPhase::Running;
    pod.labels = labels({{"app", local ? "local" : "remote"},
                         {"team", random.pick(kTeams)},
                         {"role", random.pick(kRoles)}});
    pod.ips = {ip("10.1.0." + end), ip("fd00:1::" + end)};
    pod.ports = {{"web", base::Protocol::Tcp, 80}};
    if (local) cluster.endpoints.push_back({pod.key, *base::IfName::parse("kpol" + end), pod.ips});
    cluster.pods.push_back(std::move(pod));
  }
  const auto team = [&] { return pods(is("team", random.pick(kTeams))); };
  const auto local = is("app", "local");
  cluster.policies = {bothWays("shop/a", local, {rule({team()})}, {rule({team()}, {port(81)})})};
  if (random.oneIn(2))
    cluster.policies.push_back(egress("shop/b", local, {rule({team()}, {named("web")})}));
  if (random.oneIn(2))  // three selectors: a union
    cluster.policies.push_back(ingress(
        "shop/c", local, {rule({team(), team(), pods(in("team", {"red", "none"}))}, {port(80)})}));
  for (const auto* role : kRoles)
    if (random.oneIn(2))
      cluster.policies.push_back(
          bothWays("shop/" + std::string(role), is("role", role), {rule({team()}, {port(82)})},
                   {rule({team()}, {port(random.pick<std::uint16_t>({80, 82}))})}));
  std::ranges::sort(cluster.policies, {}, &policy::NetworkPolicy::key);
  return cluster;
}

policy::Snapshot reshuffled(Random& random, policy::Snapshot cluster) {
  for (auto& pod : cluster.pods)
    if (random.oneIn(2))
      pod.labels = labels({{"app", *pod.labels.find("app")},
                           {"team", random.pick(kTeams)},
                           {"role", random.pick(kRoles)}});
  if (random.oneIn(3)) cluster.policies = teams(random).policies;
  return cluster;
}

bool isOfTeams(const policy::Snapshot& cluster) {
  return cluster.pods.size() == 18 && cluster.pods.front().key == keyOf("shop/a");
}

// Between pods of which at least one is here.
policy::Flow teamFlow(Random& random, const policy::Snapshot& cluster) {
  const auto isLocal = [](const policy::Pod& pod) { return pod.key.name < "g"; };
  policy::Flow flow;
  const auto& from = random.pick(cluster.pods);
  const auto& to = random.pick(cluster.pods);
  if (!isLocal(from) && !isLocal(to)) return teamFlow(random, cluster);
  const std::size_t family = random.below(2);
  flow.source = from.ips[family];
  flow.destination = to.ips[family];
  flow.protocol = 6;
  flow.destinationPort = random.pick<std::uint16_t>({80, 81, 82});
  return flow;
}

void addFlows(Random& random, const policy::Snapshot& cluster, std::vector<Sent>& sent) {
  for (int i = 0; i < kFlows; ++i)
    sent.push_back(
        {&cluster, isOfTeams(cluster) ? teamFlow(random, cluster) : randomFlow(random, cluster)});
}

policy::Snapshot clusterAt(Random& random, RandomHistory& history, int change,
                           const policy::Snapshot& before) {
  switch (change % 8) {
    case 0: return randomSnapshot(random);
    case 1:
    case 2:
      for (std::size_t steps = random.pick({1U, 60U}); steps > 0; --steps) history.step();
      return history.snapshot();
    case 3: return teams(random);
    default: return reshuffled(random, before);
  }
}

// Whether the change keeps the cluster that was there: many events, but the same configuration.
bool isRelated(int change, const policy::Snapshot& before, const policy::Snapshot& after) {
  return (change % 8 == 2 || change % 8 >= 4) && before.podToNode == after.podToNode;
}

// Calls `check` with changes from one table to another: small and large changes of one cluster, and
// from one cluster to an unrelated one.
enum class Changes { All, Related };

template <class Check>
void forManyChanges(std::uint64_t histories, Check check, Changes which = Changes::All) {
  for (std::uint64_t seed = firstStagesSeed(); seed < firstStagesSeed() + histories; ++seed) {
    Random random(seed);
    RandomHistory history(random, RandomHistory::Order::Plausible);
    policy::Snapshot before;
    Table from;  // at first there is none
    for (int i = 0; i < kChangesEach; ++i) {
      SCOPED_TRACE("seed " + std::to_string(seed) + " change " + std::to_string(i));
      const auto after = clusterAt(random, history, i, before);
      auto to = policy::compile(after).ruleset;
      std::vector<Sent> sent;
      addFlows(random, before, sent);
      addFlows(random, after, sent);
      if (which == Changes::All || isRelated(i, before, after)) check(from, to, sent);
      if (testing::Test::HasFailure()) return;
      from = std::move(to);
      before = after;
    }
  }
}

TEST(CommitStages, EachAcceptedPacketIsAcceptedBeforeOrAfter) {
  Counts counts;
  forManyChanges(kStagedHistories,
                 [&](const Table& from, const nft::Ruleset& to, const std::vector<Sent>& sent) {
                   Commit commit(from, to, sent, counts);
                   commit.run();
                   EXPECT_EQ(counts.violations, 0) << counts.firstViolation;
                   EXPECT_TRUE(commit.table() == to);
                 });
  for (const char* stage : {"prepare", "tighten", "change", "loosen", "remove"})
    EXPECT_GT(counts.pieces[stage], 100) << stage;
  EXPECT_GT(counts.verdicts, 100000);
  EXPECT_GT(counts.stricter["tighten"], 0);
  std::printf("%d verdicts", counts.verdicts);
  for (const auto& [stage, pieces] : counts.pieces) std::printf(", %d %s", pieces, stage.c_str());
  for (const auto& [stage, count] : counts.stricter)
    std::printf(", %d stricter in %s", count, stage.c_str());
  std::printf("\n");
}

TEST(CommitStages, AnotherOrderWouldAcceptMore) {
  Counts counts;
  forManyChanges(2, [&](const Table& from, const nft::Ruleset& to, const std::vector<Sent>& sent) {
    if (from) Commit(from, to, sent, counts).runLooseningFirst();
  });
  EXPECT_GT(counts.violations, 0);
}

bool isLocal(const policy::Snapshot& cluster, const base::IpAddress& address) {
  return std::ranges::any_of(cluster.endpoints, [&](const policy::Endpoint& endpoint) {
    return std::ranges::binary_search(endpoint.ips, address);
  });
}

// Between two local pods both directions are evaluated, one after the other. If one edit forbids
// what a sender sends and at the same time admits it at the receiver, a packet may leave under the
// old rules of egress and arrive under the new ones of ingress, as it may between two nodes.
std::vector<Sent> inOneDirection(const std::vector<Sent>& sent) {
  std::vector<Sent> chosen;
  for (const auto& one : sent)
    if (isLocal(*one.cluster, one.flow.source) != isLocal(*one.cluster, one.flow.destination))
      chosen.push_back(one);
  return chosen;
}

// A packet on its way while a batch is committed meets old rules and, from some lookup on, new
// elements.
TEST(CommitStages, PacketsOnTheirWayPassOnlyIfTheyPassBeforeOrAfter) {
  Counts counts;
  forManyChanges(
      kMixedHistories,
      [&](const Table& from, const nft::Ruleset& to, const std::vector<Sent>& sent) {
        Commit commit(from, to, inOneDirection(sent), counts);
        commit.runInBatches();
        EXPECT_EQ(counts.violations, 0) << counts.firstViolation;
        EXPECT_TRUE(commit.table() == to);
      },
      Changes::Related);
  EXPECT_GT(counts.verdicts, 5000);
  for (const char* stage : {"prepare", "tighten", "change", "loosen", "remove"})
    EXPECT_GT(counts.pieces[stage], 50) << stage;
  std::printf("%d packets", counts.verdicts);
  for (const auto& [stage, pieces] : counts.pieces) std::printf(", %d %s", pieces, stage.c_str());
  for (const auto& [stage, count] : counts.stricter)
    std::printf(", %d dropped for a moment in %s", count, stage.c_str());
  std::printf("\n");
}

TEST(CommitStages, OneBatchForAllWouldAcceptMore) {
  Counts counts;
  forManyChanges(
      2,
      [&](const Table& from, const nft::Ruleset& to, const std::vector<Sent>& sent) {
        if (from) Commit(from, to, inOneDirection(sent), counts).runInOneBatch();
      },
      Changes::Related);
  EXPECT_GT(counts.violations, 0);
}

bool admits(const nft::Rule& rule) {
  const auto* match = std::get_if<nft::Match>(&rule.statements.front());
  const auto* verdict = std::get_if<nft::Verdict>(&rule.statements.back());
  if (match == nullptr || match->negated || verdict == nullptr) return false;
  // Chains of egress return to where ingress is evaluated.
  return verdict->kind == nft::Verdict::Kind::Accept || verdict->kind == nft::Verdict::Kind::Return;
}

// The stages rely on this: such a set is looked up only to accept a packet.
TEST(CommitStages, SetsOfPodsOnlyAdmit) {
  std::map<std::string, int> kinds;
  for (std::uint64_t seed = firstStagesSeed(); seed < firstStagesSeed() + 300; ++seed) {
    Random random(seed);
    const auto table = policy::compile(randomSnapshot(random)).ruleset;
    for (const auto& [name, chain] : table.chains)
      for (const auto& rule : chain.rules)
        for (const auto* set : nft::referencesOf(rule).sets) {
          if (!policy::holdsPods(*set)) continue;
          ++kinds[set->ends_with("-named4") || set->ends_with("-named6") ? "named"
                                                                         : set->substr(0, 4)];
          EXPECT_TRUE(admits(rule)) << "seed " << seed << ", chain " << name << ", set " << *set;
        }
  }
  for (const char* kind : {"sel4", "sel6", "uni4", "uni6", "named"})
    EXPECT_GT(kinds[kind], 0) << kind;
}

}  // namespace
}  // namespace kpol::test
