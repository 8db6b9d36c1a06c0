// SPDX-License-Identifier: Apache-2.0
// A rejection by the kernel isolates the pods of the rejected profile, and no others. Known kernels
// accept everything that kpold compiles, so the test corrupts the rules of chosen policies before
// they are sent: the kernel's rejection, its message and its table are real.
#include "base/async/asio.hpp"
#include "base/async/task_group.hpp"
#include "controller/event_reporter.hpp"
#include "controller/reconcile_loop.hpp"
#include "tests/controller/values.hpp"
#include "tests/support/interpreter.hpp"
#include "tests/support/policy_builders.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

Reconciler::Options quickAudits() {
  Reconciler::Options options;
  options.firstRetry = 20ms;
  options.longestRetry = 50ms;
  options.auditInterval = 100ms;
  return options;
}

class RefusalTest : public testing::Test {
 protected:
  RefusalTest() { group.spawn(loop.run()); }
  ~RefusalTest() override {
    group.cancel();
    io.restart();
    io.run();
    nft::ChangeSet remove;
    remove.changes.push_back(nft::DeleteTable{});
    kernel.commit(remove);
  }

  // Makes the kernel reject the rules of these policies, whose comments contain their names.
  nft::CommitOutcome spoil(const nft::ChangeSet& changes) {
    auto spoiltChanges = changes;
    for (auto& change : spoiltChanges.changes) {
      auto* added = std::get_if<nft::AddRule>(&change);
      const bool bad =
          added != nullptr && std::any_of(spoilt.begin(), spoilt.end(), [&](auto& name) {
            return added->rule.comment.find(name) != std::string::npos;
          });
      if (bad) added->chain = "no-such-chain";
    }
    if (refuseAll) spoiltChanges.changes.push_back(nft::DeleteChain{"no-such-chain"});
    auto outcome = kernel.commit(spoiltChanges);
    if (auto* rejected = std::get_if<nft::Rejected>(&outcome); rejected != nullptr) {
      ++refusals;
      if (!kernelNames) rejected->change.reset();
    }
    return outcome;
  }

  template <class Condition>
  bool runUntil(Condition condition) {
    const auto deadline = Clock::now() + 10s;
    while (!condition() && Clock::now() < deadline) io.run_one_until(deadline);
    return condition();
  }
  // Nothing is left to be tried. (Querying the engine does no harm: after a search the loop
  // compares whole tables.)
  bool settle() {
    return runUntil([&] { return loop.inSync() && store.engine().takeChanges().empty(); });
  }
  void apply(kube::Object object) {
    store.apply(added(std::move(object)));
    loop.wake();
  }
  void addPod(const std::string& name, const char* interface, const char* address) {
    apply(pod(name, "", {{"app", name}}));
    store.put(attachment("c-" + name, name, interface, address));
    loop.wake();
  }
  // The verdict of the kernel's own table for the first packet between two pods.
  bool lets(const char* from, const char* to, std::uint16_t port) {
    const auto table = kernel.readBack();
    const auto snapshot = *store.snapshot();
    return table && test::passes(*table, snapshot, {ip(from), ip(to), 6, port});
  }
  // Each of the three may be reached at port 80.
  void startWithThreePods() {
    apply(policy::Namespace{"shop", {}});
    addPod("a", "kpol1", kA);
    addPod("b", "kpol2", kB);
    addPod("c", "kpol3", kC);
    for (const char* app : {"a", "b", "c"}) apply(allowing(app, 80));
    store.markSynced();
    loop.wake();
  }
  static policy::NetworkPolicy allowing(const std::string& app, std::uint16_t port) {
    return test::ingress("shop/for-" + app, test::is("app", app),
                         {test::anyPeer({test::port(port)})});
  }
  std::string diagnostics() const {
    std::string text;
    for (const auto& diagnostic : loop.diagnostics()) text += toString(diagnostic) + "\n";
    return text;
  }

  static constexpr const char* kA = "10.0.0.1";
  static constexpr const char* kB = "10.0.0.2";
  static constexpr const char* kC = "10.0.0.3";
  std::set<std::string> spoilt;
  bool refuseAll = false;
  unsigned refusals = 0;
  bool kernelNames = true;
  base::asio::io_context io;
  Store store{policy::PodToNode::Allow};
  nft::Kernel kernel{nft::Kernel::Options()};
  ReconcileLoop loop{store, kernel, Reconciler(quickAudits(), [] { return 0.0; }),
                     [this](const nft::ChangeSet& changes) { return spoil(changes); }};
  base::TaskGroup group{io.get_executor()};
};

TEST_F(RefusalTest, IsolatesOnlyThePodsOfTheRejectedPolicy) {
  for (const bool names : {true, false}) {
    kernelNames = names;
    spoilt = {"shop/for-b"};
    if (names) startWithThreePods();
    ASSERT_TRUE(settle()) << diagnostics();
    EXPECT_TRUE(lets(kA, kC, 80));
    EXPECT_FALSE(lets(kA, kC, 81));
    EXPECT_FALSE(lets(kA, kB, 80));
    EXPECT_EQ(loop.refusedProfiles(), 1U);
    EXPECT_EQ(diagnostics().find("NetworkPolicy shop/for-b: the kernel rejects it, so until it "
                                 "is changed no packet reaches shop/b: "),
              0U)
        << diagnostics();
    EXPECT_NE(diagnostics().find("No such file or directory"), std::string::npos) << diagnostics();

    // Everything else continues: other policies, new pods.
    apply(allowing("c", 81));
    addPod("d", "kpol4", "10.0.0.4");
    ASSERT_TRUE(settle()) << diagnostics();
    EXPECT_TRUE(lets("10.0.0.4", kC, 81));
    EXPECT_FALSE(lets(kA, kC, 80));
    EXPECT_FALSE(lets("10.0.0.4", kB, 80));

    // The cure is a changed policy.
    spoilt = {};
    apply(allowing("b", 82));
    ASSERT_TRUE(settle()) << diagnostics();
    EXPECT_TRUE(lets(kA, kB, 82));
    EXPECT_EQ(loop.refusedProfiles(), 0U);
    EXPECT_EQ(diagnostics(), "");
    apply(allowing("c", 80));
    spoilt = {"shop/for-b"};
    apply(allowing("b", 80));
  }
}

// Not the kernel, but the limit of what a profile may cost.
TEST_F(RefusalTest, ReportsPoliciesThatAreTooLarge) {
  startWithThreePods();
  ASSERT_TRUE(settle());
  auto large = allowing("b", 81);
  for (std::uint16_t i = 0; i < 800; ++i)
    large.ingress.push_back(test::rule({test::pods(test::is("app", "x" + std::to_string(i)))},
                                       {test::ports(static_cast<std::uint16_t>(1000 + i),
                                                    static_cast<std::uint16_t>(60000 - i))}));
  apply(large);
  ASSERT_TRUE(settle()) << diagnostics();
  EXPECT_FALSE(lets(kA, kB, 81));
  EXPECT_TRUE(lets(kA, kC, 80));
  EXPECT_EQ(loop.oversizedProfiles(), 1U);
  EXPECT_EQ(loop.refusedProfiles(), 0U);
  EXPECT_EQ(
      diagnostics(),
      "NetworkPolicy shop/for-b: the policies that select the same pods (1) need more than "
      "131072 entries, so until they have fewer rules with different ports or peers no packet "
      "reaches shop/b\n");
  const auto all = loop.diagnostics();
  ASSERT_EQ(eventsOf(all).size(), 1U);
  EXPECT_EQ(eventsOf(all)[0].reason, "PolicyNotEnforced");
  apply(allowing("b", 81));
  ASSERT_TRUE(settle()) << diagnostics();
  EXPECT_TRUE(lets(kA, kB, 81));
  EXPECT_EQ(loop.oversizedProfiles(), 0U);
  EXPECT_EQ(diagnostics(), "");
}

TEST_F(RefusalTest, FindsSeveralUnnamedProfiles) {
  kernelNames = false;
  startWithThreePods();
  ASSERT_TRUE(settle());
  spoilt = {"shop/for-a", "shop/for-c"};
  for (const char* app : {"a", "b", "c"}) apply(allowing(app, 81));
  ASSERT_TRUE(runUntil([&] { return loop.refusedProfiles() == 2; })) << diagnostics();
  ASSERT_TRUE(settle());
  EXPECT_TRUE(lets(kA, kB, 81));
  for (const auto port : {std::uint16_t{80}, std::uint16_t{81}}) {
    EXPECT_FALSE(lets(kB, kA, port));
    EXPECT_FALSE(lets(kB, kC, port));
  }
}

TEST_F(RefusalTest, AuditsRetry) {
  startWithThreePods();
  spoilt = {"shop/for-b"};
  ASSERT_TRUE(runUntil([&] { return loop.refusedProfiles() == 1; }));
  ASSERT_TRUE(settle());
  const auto before = refusals;
  ASSERT_TRUE(runUntil([&] { return refusals > before; })) << "no audit retried it";
  ASSERT_TRUE(settle());
  EXPECT_FALSE(lets(kA, kB, 80));
  spoilt = {};
  ASSERT_TRUE(runUntil([&] { return loop.refusedProfiles() == 0; })) << diagnostics();
  EXPECT_TRUE(lets(kA, kB, 80));
  EXPECT_TRUE(lets(kA, kC, 80));
}

TEST_F(RefusalTest, KeepsEverythingIfNoProfileIsTheCause) {
  startWithThreePods();
  ASSERT_TRUE(settle());
  kernelNames = false;
  refuseAll = true;
  apply(allowing("b", 81));
  ASSERT_TRUE(runUntil([&] { return loop.fault().has_value(); }));
  EXPECT_EQ(loop.refusedProfiles(), 0U);
  EXPECT_TRUE(lets(kA, kB, 80));
  EXPECT_TRUE(lets(kA, kC, 80));
  refuseAll = false;
  ASSERT_TRUE(settle());
  EXPECT_TRUE(lets(kA, kB, 81));
  EXPECT_FALSE(lets(kA, kB, 80));
}

TEST_F(RefusalTest, DeletedProfileIsForgotten) {
  startWithThreePods();
  spoilt = {"shop/for-b"};
  ASSERT_TRUE(runUntil([&] { return loop.refusedProfiles() == 1; }));
  store.apply(deleted(allowing("b", 80)));
  loop.wake();
  ASSERT_TRUE(runUntil([&] { return loop.refusedProfiles() == 0; })) << diagnostics();
  ASSERT_TRUE(settle());
  EXPECT_TRUE(lets(kA, kB, 90));
}

}  // namespace
}  // namespace kpol::controller
