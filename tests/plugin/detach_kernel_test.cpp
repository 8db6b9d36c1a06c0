// SPDX-License-Identifier: Apache-2.0
// DEL and GC as the kernel sees them.
#include "plugin/plan.hpp"
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

TEST_F(Del, StatusSucceedsAfterIt) {
  auto small = config(Families::V4, "", "1.1.0");
  small.replace(small.find("10.244.1.0/24"), 13, "10.244.1.0/30");
  EXPECT_EQ(call("STATUS", "a", small).status, 0);
  add("a", small);
  add("b", small);
  const auto error = errorOf("STATUS", "a", small);
  EXPECT_EQ(error.code, 50U);
  EXPECT_EQ(error.msg, "no address is free for another pod");
  const auto used = errorOf("ADD", "c", small);
  EXPECT_EQ(used.code, 101U);
  EXPECT_EQ(used.msg, "no address is free: 10.244.1.0/30 2 of 2 in use");
  del("a", small);
  EXPECT_EQ(call("STATUS", "a", small).status, 0);
  del("b", small);
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
