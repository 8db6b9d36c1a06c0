// SPDX-License-Identifier: Apache-2.0
// From an attachment to the kernel within one process: store, files, loop, and nf_tables.
#include "base/async/asio.hpp"
#include "base/async/task_group.hpp"
#include "controller/health.hpp"
#include "controller/pod_start.hpp"
#include "tests/controller/temporary_directory.hpp"
#include "tests/controller/values.hpp"

#include <gtest/gtest.h>

#include <set>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using Attachments = std::vector<conf::Attachment>;
using Clock = std::chrono::steady_clock;

template <class T>
base::Task<> keep(base::Task<T> task, std::optional<T>& result) {
  result = co_await std::move(task);
}

Reconciler::Options quickReconciler() {
  Reconciler::Options options;
  options.firstRetry = 20ms;
  options.longestRetry = 50ms;
  options.auditInterval = 50ms;
  return options;
}

nft::Kernel::Options sharedTable() {
  nft::Kernel::Options options;
  options.own = false;
  return options;
}

std::string text(const PutOutcome& outcome) {
  if (std::holds_alternative<Enforced>(outcome)) return "enforced";
  if (const auto* conflict = std::get_if<Conflict>(&outcome)) return conflict->reason;
  return "timed out: " + std::get<TimedOut>(outcome).reason;
}

class PodStartTest : public testing::Test {
 protected:
  PodStartTest() { group.spawn(loop.run()); }
  ~PodStartTest() override {
    group.cancel();
    client.cancel();
    io.restart();
    io.run();
    nft::ChangeSet changes;
    changes.changes.push_back(nft::DeleteTable{});
    if (nft::Kernel(sharedTable()).readBack()) {
      kernel.reset();  // a table that this process owns can be changed by its socket only
      nft::Kernel last{nft::Kernel::Options()};
      last.readBack();
      last.commit(changes);
    }
  }

  void syncSource() {
    store.markSynced();
    loop.wake();
  }
  void apply(const kube::WatchEvent& event) {
    store.apply(event);
    loop.wake();
  }

  template <class Condition>
  bool runUntil(Condition condition) {
    const auto deadline = Clock::now() + 10s;
    while (!condition() && Clock::now() < deadline) io.run_one_until(deadline);
    return condition();
  }
  template <class T>
  T await(base::Task<T> task) {
    std::optional<T> result;
    group.spawn(keep(std::move(task), result));
    EXPECT_TRUE(runUntil([&] { return result.has_value(); }));
    return std::move(result).value();
  }
  std::string put(const conf::Attachment& a, Clock::duration timeout = 5s) {
    return text(await(podStart.put(a, Clock::now() + timeout)));
  }
  bool settled() {
    return runUntil([&] { return loop.inSync(); });
  }

  // Whether the kernel lets `a` through, as another process sees it.
  static bool inKernel(const conf::Attachment& a) {
    const auto table = nft::Kernel(sharedTable()).readBack();
    if (!table) return false;
    const auto& elements = table->sets.at("endpoints4").elements;
    const auto element =
        nft::element(nft::Key::of(a.hostInterface).dot(nft::Key::of(a.ips.front())));
    return std::find(elements.begin(), elements.end(), element) != elements.end();
  }

  TemporaryDirectory directory;
  base::asio::io_context io;
  Store store{policy::PodToNode::Allow};
  AttachmentStore files{directory.path()};
  std::optional<nft::Kernel> kernel{std::in_place, nft::Kernel::Options()};
  ReconcileLoop loop{store, *kernel, Reconciler(quickReconciler(), [] { return 0.0; })};
  std::set<std::string> links{"kpol1", "kpol2"};
  PodStart podStart{store, files, loop,
                    [this](const base::IfName& name) { return links.contains(name.text()); }};
  base::TaskGroup group{io.get_executor()};
  base::TaskGroup client{io.get_executor()};
};

const auto kWebPod = attachment("c1", "web", "kpol1", "10.0.0.1", "u1");

TEST_F(PodStartTest, NothingIsWrittenBeforeTheSourceIsSynced) {
  apply(added(pod("web", "u1")));
  EXPECT_EQ(put(kWebPod, 50ms), "timed out: kpold has not read all objects yet");
  EXPECT_EQ(kernel->batchesSent(), 0U);
  EXPECT_EQ(nft::Kernel(sharedTable()).readBack(), std::nullopt);
}

TEST_F(PodStartTest, PutReturnsAfterThePodIsKnownAndCommitted) {
  syncSource();
  std::optional<PutOutcome> outcome;
  group.spawn(keep(podStart.put(kWebPod, Clock::now() + 10s), outcome));
  ASSERT_TRUE(runUntil([&] { return store.find(conf::idOf(kWebPod)) != nullptr; }));
  ASSERT_TRUE(settled());
  EXPECT_FALSE(outcome);
  EXPECT_FALSE(inKernel(kWebPod));
  apply(added(pod("web", "u1")));
  ASSERT_TRUE(runUntil([&] { return outcome.has_value(); }));
  EXPECT_EQ(text(*outcome), "enforced");
  EXPECT_TRUE(inKernel(kWebPod));
  EXPECT_EQ(files.load().attachments, Attachments{kWebPod});
}

TEST_F(PodStartTest, TimeoutRemovesTheAttachment) {
  syncSource();
  EXPECT_EQ(put(kWebPod, 30ms), "timed out: kpold does not know pod shop/web yet");
  EXPECT_EQ(store.find(conf::idOf(kWebPod)), nullptr);
  EXPECT_EQ(files.load().attachments, Attachments{});
  apply(added(pod("web", "u1")));
  ASSERT_TRUE(settled());
  EXPECT_FALSE(inKernel(kWebPod));
}

TEST_F(PodStartTest, PodWithAnotherUidIsNotTheSame) {
  syncSource();
  apply(added(pod("web", "u2")));
  EXPECT_EQ(put(kWebPod, 30ms), "timed out: pod shop/web has UID u2, not u1");
  EXPECT_FALSE(inKernel(kWebPod));
}

TEST_F(PodStartTest, AbandonedPutRemovesTheAttachment) {
  syncSource();
  std::optional<PutOutcome> outcome;
  client.spawn(keep(podStart.put(kWebPod, Clock::now() + 10s), outcome));
  ASSERT_TRUE(runUntil([&] { return store.find(conf::idOf(kWebPod)) != nullptr; }));
  client.cancel();
  ASSERT_TRUE(runUntil([&] { return client.size() == 0; }));
  EXPECT_FALSE(outcome);
  EXPECT_EQ(store.find(conf::idOf(kWebPod)), nullptr);
  EXPECT_EQ(files.load().attachments, Attachments{});
}

TEST_F(PodStartTest, RepeatedPutCommitsNothing) {
  syncSource();
  apply(added(pod("web", "u1")));
  ASSERT_EQ(put(kWebPod), "enforced");
  const auto batches = kernel->batchesSent();
  EXPECT_EQ(put(kWebPod), "enforced");
  EXPECT_EQ(kernel->batchesSent(), batches);
  EXPECT_TRUE(inKernel(kWebPod));
}

TEST_F(PodStartTest, SameIdWithOtherAddressesReplaces) {
  syncSource();
  apply(added(pod("web", "u1")));
  ASSERT_EQ(put(kWebPod), "enforced");
  const auto moved = attachment("c1", "web", "kpol1", "10.0.0.9", "u1");
  EXPECT_EQ(put(moved), "enforced");
  EXPECT_TRUE(inKernel(moved));
  EXPECT_FALSE(inKernel(kWebPod));
  EXPECT_EQ(files.load().attachments, Attachments{moved});
}

TEST_F(PodStartTest, LaterPutOfTheSameIdTakesOver) {
  syncSource();
  std::optional<PutOutcome> first;
  std::optional<PutOutcome> second;
  group.spawn(keep(podStart.put(kWebPod, Clock::now() + 30ms), first));
  group.spawn(keep(podStart.put(kWebPod, Clock::now() + 10s), second));
  ASSERT_TRUE(runUntil([&] { return first.has_value(); }));
  EXPECT_NE(store.find(conf::idOf(kWebPod)), nullptr) << "the second still waits for it";
  apply(added(pod("web", "u1")));
  ASSERT_TRUE(runUntil([&] { return second.has_value(); }));
  EXPECT_EQ(text(*second), "enforced");
}

TEST_F(PodStartTest, ConflictNamesBothAttachments) {
  syncSource();
  apply(added(pod("web", "u1")));
  apply(added(pod("api")));
  ASSERT_EQ(put(kWebPod), "enforced");
  EXPECT_EQ(put(attachment("c2", "api", "kpol2", "10.0.0.1")),
            "address 10.0.0.1 of pod shop/api (container c2, eth0) is used by pod shop/web "
            "(container c1, eth0)");
  EXPECT_EQ(put(attachment("c2", "api", "kpol1", "10.0.0.2")),
            "host interface kpol1 of pod shop/api (container c2, eth0) is used by pod shop/web "
            "(container c1, eth0)");
  EXPECT_TRUE(inKernel(kWebPod));
}

TEST_F(PodStartTest, AttachmentWithoutInterfaceIsReplaced) {
  syncSource();
  apply(added(pod("web", "u1")));
  apply(added(pod("api")));
  ASSERT_EQ(put(kWebPod), "enforced");
  links.erase("kpol1");
  const auto api = attachment("c2", "api", "kpol2", "10.0.0.1");
  EXPECT_EQ(put(api), "enforced");
  EXPECT_TRUE(inKernel(api));
  EXPECT_FALSE(inKernel(kWebPod));
  EXPECT_EQ(files.load().attachments, Attachments{api});
}

TEST_F(PodStartTest, RemoveReturnsAfterTheCommit) {
  syncSource();
  apply(added(pod("web", "u1")));
  ASSERT_EQ(put(kWebPod), "enforced");
  await(podStart.remove(conf::idOf(kWebPod), Clock::now() + 5s));
  EXPECT_FALSE(inKernel(kWebPod));
  EXPECT_EQ(files.load().attachments, Attachments{});
  const auto generation = store.generation();
  EXPECT_EQ(await(podStart.remove(conf::idOf(kWebPod), Clock::now() + 5s)), generation);
}

TEST_F(PodStartTest, RemoveDoesNotWaitForTheSource) {
  files.save(kWebPod);
  podStart.restore();
  const auto start = Clock::now();
  await(podStart.remove(conf::idOf(kWebPod), Clock::now() + 5s));
  EXPECT_LT(Clock::now() - start, 4s);
  EXPECT_EQ(store.find(conf::idOf(kWebPod)), nullptr);
}

TEST_F(PodStartTest, RemovedWhileAPutWaitsIsAConflict) {
  syncSource();
  std::optional<PutOutcome> outcome;
  group.spawn(keep(podStart.put(kWebPod, Clock::now() + 10s), outcome));
  ASSERT_TRUE(runUntil([&] { return store.find(conf::idOf(kWebPod)) != nullptr; }));
  await(podStart.remove(conf::idOf(kWebPod), Clock::now() + 5s));
  ASSERT_TRUE(runUntil([&] { return outcome.has_value(); }));
  EXPECT_EQ(text(*outcome),
            "pod shop/web (container c1, eth0) was removed or replaced during the request");
}

TEST_F(PodStartTest, RestoreKeepsAttachmentsWithAnInterface) {
  const auto gone = attachment("c9", "old", "kpol9", "10.0.0.9");
  files.save(kWebPod);
  files.save(gone);
  directory.write("attachments/broken.json", "{");
  EXPECT_EQ(podStart.restore().size(), 1U);
  EXPECT_NE(store.find(conf::idOf(kWebPod)), nullptr);
  EXPECT_EQ(store.find(conf::idOf(gone)), nullptr);
  EXPECT_EQ(files.load().attachments, Attachments{kWebPod});
  apply(added(pod("web", "u1")));
  syncSource();
  ASSERT_TRUE(settled());
  EXPECT_TRUE(inKernel(kWebPod));
}

TEST_F(PodStartTest, RefusedCommitKeepsTheKernelAndIsRetried) {
  // Another process owns the table, so the kernel rejects kpold's commits.
  std::optional<nft::Kernel> other(std::in_place, nft::Kernel::Options());
  nft::Ruleset foreign;
  foreign.add(nft::Chain{"foreign", {}, {}});
  nft::ChangeSet changes;
  changes.changes = {nft::AddTable{}, nft::AddChain{"foreign", {}}};
  ASSERT_TRUE(std::holds_alternative<nft::Committed>(other->commit(changes)));
  apply(added(pod("web", "u1")));
  syncSource();
  ASSERT_TRUE(runUntil([&] { return loop.counters().refused >= 2; }));
  ASSERT_TRUE(loop.fault());
  EXPECT_TRUE(whyNotReady(loop, "", Clock::now())
                  .starts_with("kpold has not committed its first table yet: the kernel rejected"));
  EXPECT_FALSE(loop.inSync());
  EXPECT_FALSE(loop.committed());
  EXPECT_EQ(nft::Kernel(sharedTable()).readBack(), foreign);
  EXPECT_TRUE(put(kWebPod, 50ms).starts_with("timed out: ")) << "fail closed";
  EXPECT_EQ(nft::Kernel(sharedTable()).readBack(), foreign);

  other.reset();
  EXPECT_EQ(put(kWebPod), "enforced");
  EXPECT_FALSE(loop.fault());
  EXPECT_TRUE(inKernel(kWebPod));
}

TEST_F(PodStartTest, ReadyFromTheFirstCommitOn) {
  EXPECT_EQ(whyNotReady(loop, "", Clock::now()), "the source has not been read yet");
  EXPECT_EQ(whyNotReady(loop, "Pod: away", Clock::now()),
            "the source has not been read yet: Pod: away");
  syncSource();
  ASSERT_TRUE(settled());
  EXPECT_EQ(whyNotReady(loop, "", Clock::now()), "");
  EXPECT_EQ(whyNotReady(loop, "Pod: away", Clock::now() + 24h), "")
      << "known pods are enforced, whatever the source does";
}

TEST_F(PodStartTest, LastingRejectionIsNotReady) {
  bool refuse = false;
  group.cancel();
  ASSERT_TRUE(runUntil([&] { return group.size() == 0; }));
  io.restart();  // it had nothing left to do
  ReconcileLoop refused(store, *kernel, Reconciler(quickReconciler(), [] { return 0.0; }),
                        [&](const nft::ChangeSet& changes) -> nft::CommitOutcome {
                          if (refuse) throw nft::KernelError("no kernel", EIO);
                          return kernel->commit(changes);
                        });
  client.spawn(refused.run());
  store.markSynced();
  refused.wake();
  ASSERT_TRUE(runUntil([&] { return refused.inSync(); }));
  refuse = true;
  store.put(kWebPod);
  store.apply(added(pod("web", "u1")));
  refused.wake();
  ASSERT_TRUE(runUntil([&] { return refused.counters().unasked >= 3; }));
  EXPECT_EQ(whyNotReady(refused, "", Clock::now()), "") << "it may pass";
  EXPECT_NE(whyNotReady(refused, "", Clock::now() + 10s).find("cannot commit: no kernel"),
            std::string::npos);
  EXPECT_EQ(whyNotAlive(refused, Clock::now()), "");
  refuse = false;
  ASSERT_TRUE(runUntil([&] { return refused.inSync(); }));
  EXPECT_EQ(whyNotReady(refused, "", Clock::now() + 10s), "");
  client.cancel();
  ASSERT_TRUE(runUntil([&] { return client.size() == 0; }));
}

TEST_F(PodStartTest, BlockedLoopIsNotAlive) {
  syncSource();
  ASSERT_TRUE(settled());
  EXPECT_EQ(whyNotAlive(loop, Clock::now() + 24h), "")
      << "nothing changed, so the loop had nothing to process";
  store.apply(added(pod("web", "u1")));  // and the loop is not running
  EXPECT_EQ(whyNotAlive(loop, Clock::now()), "");
  EXPECT_NE(whyNotAlive(loop, Clock::now() + 3min), "");
  loop.wake();
  ASSERT_TRUE(settled());
  EXPECT_EQ(whyNotAlive(loop, Clock::now() + 3min), "");
}

// The same on an unowned table, as on kernels before 6.9.
class SharedTableTest : public PodStartTest {
 protected:
  SharedTableTest() { kernel.emplace(sharedTable()); }
};

TEST_F(SharedTableTest, AuditRepairsAForeignChange) {
  apply(added(pod("web", "u1")));
  syncSource();
  ASSERT_EQ(put(kWebPod), "enforced");
  nft::ChangeSet changes;
  changes.changes = {nft::FlushSet{"endpoints4"}};
  ASSERT_TRUE(std::holds_alternative<nft::Committed>(nft::Kernel(sharedTable()).commit(changes)));
  ASSERT_FALSE(inKernel(kWebPod));
  EXPECT_TRUE(runUntil([&] { return inKernel(kWebPod); }));
  EXPECT_EQ(loop.counters().drifts, 1U);
}

TEST_F(SharedTableTest, AuditOfAnUntouchedTableSendsNothing) {
  syncSource();
  ASSERT_TRUE(settled());
  const auto batches = kernel->batchesSent();
  ASSERT_TRUE(runUntil([&] { return loop.counters().audits >= 3; }));
  EXPECT_EQ(kernel->batchesSent(), batches);
  EXPECT_EQ(loop.counters().drifts, 0U);
}

TEST_F(SharedTableTest, DoubtCausesARepairAtOnce) {
  apply(added(pod("web", "u1")));
  syncSource();
  ASSERT_EQ(put(kWebPod), "enforced");
  nft::ChangeSet changes;
  changes.changes = {nft::DeleteTable{}};
  ASSERT_TRUE(std::holds_alternative<nft::Committed>(nft::Kernel(sharedTable()).commit(changes)));
  loop.doubt();
  EXPECT_TRUE(runUntil([&] { return inKernel(kWebPod); }));
}

TEST_F(SharedTableTest, NewLoopOnAnUnchangedTableSendsNothing) {
  apply(added(pod("web", "u1")));
  syncSource();
  ASSERT_EQ(put(kWebPod), "enforced");
  nft::Kernel second(sharedTable());
  ReconcileLoop restarted(store, second, Reconciler(quickReconciler(), [] { return 0.0; }));
  client.spawn(restarted.run());
  EXPECT_TRUE(runUntil([&] { return restarted.inSync(); }));
  EXPECT_EQ(second.batchesSent(), 0U);
  client.cancel();
  ASSERT_TRUE(runUntil([&] { return client.size() == 0; }));
}

}  // namespace
}  // namespace kpol::controller
