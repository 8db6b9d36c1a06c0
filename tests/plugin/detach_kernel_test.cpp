// SPDX-License-Identifier: Apache-2.0
// DEL and GC as the kernel sees them.
#include "ipam/lease_store.hpp"
#include "plugin/plan.hpp"
#include "tests/ipam/full_disk.hpp"
#include "tests/plugin/plugin_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#include <chrono>
#include <filesystem>
#include <random>
#include <set>
#include <thread>

namespace kpol::test {
namespace {

bool hasLink(const std::string& id) {
  return netlink::RouteSocket().findLink(plugin::hostInterfaceOf({id, "eth0"})).has_value();
}

// Waits for what DEL leaves to a process behind it.
bool isSettled(const std::string& stateDir) {
  for (int i = 0; i < 2000; ++i) {
    if (ipam::readLeases(stateDir).departures.empty()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

class Del : public PluginNode {};

TEST_F(Del, FreesEverythingAndMayBeRepeated) {
  const auto dual = config(Families::Dual);
  add("a", dual);
  del("a", dual);
  expectNothingLeft();
  del("a", dual);
  del("never-added", dual);
  expectNothingLeft();
}

TEST_F(Del, FreesEverythingWithoutTheNamespace) {
  const auto dual = config(Families::Dual);
  for (const bool empty : {true, false}) {
    add("a", dual);
    const auto path = podNamespace("a").path();
    removePodNamespace("a");
    const auto result = call("DEL", "a", dual, {{"CNI_NETNS", empty ? "" : path + "-gone"}});
    EXPECT_EQ(result.status, 0) << result.out;
    expectNothingLeft();
  }
}

TEST_F(Del, FreesEverythingWithoutKpold) {
  const auto plain = config(Families::Dual);
  add("a", plain);
  writeFile(directory_.file("attachments/a-eth0.json"), "{}");
  const auto result = call("DEL", "a", enforcedConfig(directory_.file("no.sock")));
  EXPECT_EQ(result.status, 0) << result.out;
  EXPECT_EQ(result.out, "");
  expectNothingLeft();
  EXPECT_FALSE(std::filesystem::exists(directory_.file("attachments/a-eth0.json")));
}

TEST_F(Del, AcceptsThePrevResultOfAdd) {
  const auto dual = config(Families::Dual);
  const auto added = call("ADD", "a", dual);
  del("a", withPrevious(dual, added.out));
}

// It must be possible to delete a pod that ADD rejected.
TEST_F(Del, IgnoresFieldsThatOnlyAddNeeds) {
  const auto wrong = config(Families::Dual, R"(,"runtimeConfig":{"portMappings":[{}],"mac":7})");
  EXPECT_NE(call("ADD", "a", wrong).status, 0);
  del("a", wrong);
  add("b", config(Families::Dual));
  del("b", wrong);
  expectNothingLeft();
}

TEST_F(Del, KeepsOtherPods) {
  const auto dual = config(Families::Dual);
  add("a", dual);
  const auto other = call("ADD", "b", dual);
  del("a", dual);
  const auto checked = call("CHECK", "b", withPrevious(dual, other.out));
  EXPECT_EQ(checked.status, 0) << checked.out;
  del("b", dual);
}

TEST_F(Del, AllowsAnAddOfTheSamePodAtOnce) {
  const auto dual = config(Families::Dual);
  for (int i = 0; i < 10; ++i) {
    add("a", dual);
    del("a", dual);
  }
}

TEST_F(Del, FreesLeftoversOfAKilledAdd) {
  constexpr unsigned kSeed = 7;
  std::mt19937 random(kSeed);
  const auto dual = config(Families::Dual);
  const auto input = directory_.file("config");
  writeFile(input, dual);
  int killed = 0;
  for (int round = 0; round < 60; ++round) {
    const auto id = "k" + std::to_string(round);
    Background adding({"/bin/sh", "-c", std::string("exec ") + KPOL_BINARY + " < " + input},
                      directory_.file("output"), environmentFor("ADD", id));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 4000));
    adding.signal(SIGKILL);
    if (adding.wait() == 128 + SIGKILL) ++killed;
    del(id, dual);
    removePodNamespace(id);
  }
  EXPECT_GT(killed, 5) << "no ADD was killed, so nothing was tested";
  expectNothingLeft();
}

TEST_F(Del, AndAddManyAtOnce) {
  constexpr int kPods = 16;
  const auto dual = config(Families::Dual);
  for (int i = 0; i < kPods; ++i) podNamespace("p" + std::to_string(i));
  const auto all = [&](const std::string& command) {
    std::vector<ProcessResult> results(kPods);
    std::vector<std::thread> threads;
    for (int i = 0; i < kPods; ++i)
      threads.emplace_back([&, i] {
        const auto id = "p" + std::to_string(i);
        results[static_cast<std::size_t>(i)] =
            run({KPOL_BINARY}, dual, environmentFor(command, id));
      });
    for (auto& thread : threads) thread.join();
    return results;
  };
  std::set<base::IpAddress> ips;
  for (const auto& result : all("ADD")) {
    ASSERT_EQ(result.status, 0) << result.out;
    for (const auto& ip : conf::parseResult(result.out, "result").ips)
      EXPECT_TRUE(ips.insert(ip.address).second) << toString(ip.address);
  }
  EXPECT_EQ(ips.size(), std::size_t{2 * kPods});
  for (const auto& result : all("DEL")) EXPECT_EQ(result.status, 0) << result.out;
  expectNothingLeft();
}

TEST_F(Del, FreesTheLastAddressAtOnceForAnAdd) {
  auto small = config(Families::V4);
  small.replace(small.find("10.244.1.0/24"), 13, "10.244.1.0/30");
  for (int i = 0; i < 6; ++i) {
    add("a" + std::to_string(i), small);
    if (i == 0) add("kept", small);
    del("a" + std::to_string(i), small);
  }
  del("kept", small);
  expectNothingLeft();
}

// containerd 2 reports a node whose STATUS fails as not ready, and its pods may be evicted.
TEST_F(Del, StatusSucceedsWhileNoAddressIsFree) {
  auto small = config(Families::V4, "", "1.1.0");
  small.replace(small.find("10.244.1.0/24"), 13, "10.244.1.0/30");
  add("a", small);
  add("b", small);
  const auto status = call("STATUS", "a", small);
  EXPECT_EQ(status.status, 0) << status.out;
  const auto used = errorOf("ADD", "c", small);
  EXPECT_EQ(used.code, 101U);
  EXPECT_EQ(used.msg, "no address is free: 10.244.1.0/30 2 of 2 in use");
  del("a", small);
  add("c", small);
  del("c", small);
  del("b", small);
}

// DEL records that the link must be deleted, and returns before it is.
TEST_F(Del, AllowsAnAddOfAnotherContainerInTheSameNamespaceAtOnce) {
  const auto dual = config(Families::Dual);
  add("a", dual);
  const auto link = netlink::RouteSocket().findLink(hostEnd("a")).value().index;
  EXPECT_TRUE(ipam::LeaseStore::open(directory_.path()).depart({"a", "eth0"}, link));
  const Environment same{{"CNI_NETNS", podNamespace("a").path()}};
  const auto added = call("ADD", "b", dual, same);
  ASSERT_EQ(added.status, 0) << added.out;
  const auto checked = call("CHECK", "b", withPrevious(dual, added.out), same);
  EXPECT_EQ(checked.status, 0) << checked.out;
  EXPECT_EQ(call("DEL", "b", dual, same).status, 0);
  expectNothingLeft();
}

// The kubelet evicts pods when the disk is full; each of them needs a DEL that succeeds.
TEST_F(Del, NeedsNoDiskSpace) {
  const SmallDisk disk(directory_.file("disk"));
  auto dual = enforcedConfig(directory_.file("no.sock"));
  dual.replace(dual.find(directory_.path()), directory_.path().size(), disk.path());
  const auto plain = std::string(dual).replace(dual.find("required"), 8, "none");
  for (const char* id : {"a", "b", "c"}) add(id, plain);
  const auto file = disk.path() + "/attachments/b-eth0.json";
  writeFile(file, "{}");
  del("c", plain);
  EXPECT_TRUE(isSettled(disk.path()));
  disk.fillInodes();
  for (const char* id : {"a", "a", "never-added"}) {
    const auto result = call("DEL", id, dual);
    EXPECT_EQ(result.status, 0) << id << ": " << result.out;
  }
  EXPECT_TRUE(isSettled(disk.path()));
  EXPECT_NE(call("ADD", "d", plain).status, 0) << "the disk is full";
  for (const char* id : {"d", "b"}) EXPECT_EQ(call("DEL", id, dual).status, 0) << id;
  EXPECT_FALSE(std::filesystem::exists(file));
  expectNothingLeft();
  EXPECT_TRUE(isSettled(disk.path()));
  EXPECT_EQ(ipam::readLeases(disk.path()).leases.size(), 0U);
}

// DEL of a pod that no ADD on this disk has recorded.
TEST_F(Del, NeedsNoDiskSpaceForItsLock) {
  const SmallDisk disk(directory_.file("disk"));
  auto plain = config(Families::Dual);
  plain.replace(plain.find(directory_.path()), directory_.path().size(), disk.path());
  disk.fillInodes();
  del("never-added", plain);
}

class Gc : public PluginNode {
 protected:
  std::string gcConfig(const std::string& valid) const {
    return config(Families::Dual, R"(,"cni.dev/valid-attachments":[)" + valid + "]", "1.1.0");
  }
  static std::string attachment(const std::string& id) {
    return R"({"containerID":")" + id + R"(","ifname":"eth0"})";
  }
};

TEST_F(Gc, DeletesExactlyTheInvalidAttachments) {
  const auto dual = config(Families::Dual);
  const auto kept = call("ADD", "kept", dual);
  add("stale", dual);
  auto foreign = dual;
  foreign.replace(foreign.find("\"pods\""), 6, "\"other\"");
  const auto other = call("ADD", "other", foreign);

  const auto result = call("GC", "kept", gcConfig(attachment("kept")));
  EXPECT_EQ(result.status, 0) << result.out;
  EXPECT_EQ(result.out, "");
  EXPECT_EQ(leases(), "lease kept eth0\nlease other eth0\n");
  EXPECT_EQ(call("CHECK", "kept", withPrevious(dual, kept.out)).status, 0);
  EXPECT_EQ(call("CHECK", "other", withPrevious(foreign, other.out)).status, 0);
  del("kept", dual);
  EXPECT_EQ(call("GC", "other", gcConfig("")).status, 0);
  EXPECT_TRUE(hasLink("other"));
  del("other", foreign);
}

TEST_F(Gc, DeletesEverythingIfTheListIsEmpty) {
  const auto dual = config(Families::Dual);
  for (const char* id : {"a", "b", "c"}) add(id, dual);
  EXPECT_EQ(call("GC", "a", gcConfig("")).status, 0);
  expectNothingLeft();
}

// As cnitool calls it: without a list of valid attachments.
TEST_F(Gc, WithoutAListKeepsLivePods) {
  const auto dual = config(Families::Dual);
  const auto added = call("ADD", "a", dual);
  auto unlisted = gcConfig("");
  const auto start = unlisted.find(",\"cni.dev/valid-attachments\"");
  ASSERT_NE(start, std::string::npos) << unlisted;
  unlisted.erase(start, unlisted.find(']', start) + 1 - start);
  EXPECT_EQ(call("GC", "a", unlisted).status, 0);
  EXPECT_EQ(call("CHECK", "a", withPrevious(dual, added.out)).status, 0);
  del("a", dual);
}

TEST_F(Gc, DeletesLinksWithoutALease) {
  const auto dual = config(Families::Dual);
  add("a", dual);
  std::filesystem::remove(directory_.file("ipam/leases"));
  EXPECT_EQ(call("GC", "a", gcConfig("")).status, 0);
  expectNothingLeft();
}

TEST_F(Gc, DeletesAttachmentsOfDeletedNamespaces) {
  const auto file = [&](const std::string& id) {
    return directory_.file("attachments/" + id + "-eth0.json");
  };
  const auto write = [&](const std::string& id, const std::string& netns) {
    writeFile(file(id), print(conf::Attachment{id,
                                               base::IfName::parse("eth0").value(),
                                               base::IfName::parse("veth1").value(),
                                               {"n", id},
                                               "",
                                               netns,
                                               {base::IpAddress()}}));
  };
  write("gone", directory_.file("no-namespace"));
  write("alive", podNamespace("a").path());
  write("valid", directory_.file("no-namespace"));
  writeFile(directory_.file("attachments/odd.json"), "{");
  auto collected = gcConfig(attachment("valid"));
  collected.insert(collected.rfind('}'),
                   R"(,"policy":"required","socket":")" + directory_.file("no.sock") + "\"");
  EXPECT_EQ(call("GC", "a", collected).status, 0);
  EXPECT_FALSE(std::filesystem::exists(file("gone")));
  EXPECT_TRUE(std::filesystem::exists(file("alive")));
  EXPECT_TRUE(std::filesystem::exists(file("valid")));
}

}  // namespace
}  // namespace kpol::test
