// SPDX-License-Identifier: Apache-2.0
// Many concurrent calls, calls that race, and processes that never finish.
#include "ipam/directory.hpp"
#include "ipam/lease_store.hpp"
#include "plugin/plan.hpp"
#include "tests/control/unix_server.hpp"
#include "tests/plugin/plugin_node.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <set>
#include <thread>

namespace kpol::test {
namespace {

using conf::CniCode;

// A process that runs `begin` and then stops, until it is killed with the object.
class StoppedProcess {
 public:
  template <class Begin>
  explicit StoppedProcess(Begin begin) : pid_(::fork()) {
    if (pid_ == 0) {
      [[maybe_unused]] const auto held = begin();
      ::raise(SIGSTOP);
      ::_exit(0);
    }
    int status = 0;
    ::waitpid(pid_, &status, WUNTRACED);
    EXPECT_TRUE(WIFSTOPPED(status));
  }
  StoppedProcess(const StoppedProcess&) = delete;
  StoppedProcess& operator=(const StoppedProcess&) = delete;
  ~StoppedProcess() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

 private:
  pid_t pid_;
};

class Concurrency : public PluginNode {
 protected:
  // The same command for containers "p0" to "pN" at once.
  std::vector<ProcessResult> all(const std::string& command, int count, const std::string& config) {
    std::vector<ProcessResult> results(static_cast<std::size_t>(count));
    std::vector<Environment> environments;
    for (int i = 0; i < count; ++i)
      environments.push_back(environmentFor(command, "p" + std::to_string(i)));
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < results.size(); ++i)
      threads.emplace_back([&, i] { results[i] = run({KPOL_BINARY}, config, environments[i]); });
    for (auto& thread : threads) thread.join();
    return results;
  }
  static std::string with(std::string config, const std::string& range) {
    return config.replace(config.find("10.244.1.0/24"), 13, range);
  }
};

TEST_F(Concurrency, TwoHundredAddsAndDelsAtOnce) {
  constexpr int kPods = 200;
  const auto dual = config(Families::Dual);
  std::set<base::IpAddress> ips;
  for (const auto& result : all("ADD", kPods, dual)) {
    ASSERT_EQ(result.status, 0) << result.out << result.err;
    for (const auto& ip : conf::parseResult(result.out, "result").ips)
      EXPECT_TRUE(ips.insert(ip.address).second) << toString(ip.address) << " is assigned twice";
  }
  EXPECT_EQ(ips.size(), std::size_t{2 * kPods});
  for (const auto& result : all("DEL", kPods, dual)) EXPECT_EQ(result.status, 0) << result.out;
  expectNothingLeft();
}

TEST_F(Concurrency, AddAndDelOfOneContainerNeverOverlap) {
  const auto small = with(config(Families::V4), "10.244.1.0/29");
  add("other", small);
  int survivors = 0;
  for (int round = 0; round < 30; ++round) {
    const auto adding = environmentFor("ADD", "a");
    const auto deleting = environmentFor("DEL", "a");
    ProcessResult added;
    ProcessResult deleted;
    std::thread first([&] { added = run({KPOL_BINARY}, small, adding); });
    std::thread second([&] { deleted = run({KPOL_BINARY}, small, deleting); });
    first.join();
    second.join();
    EXPECT_EQ(added.status, 0) << added.out;
    EXPECT_EQ(deleted.status, 0) << deleted.out;
    // Either one was first; there is no state between.
    const auto book = ipam::readLeases(directory_.path());
    const auto lease = book.leases.find({"a", "eth0"});
    netlink::RouteSocket node;
    if (lease != book.leases.end()) {
      ++survivors;
      EXPECT_TRUE(node.findLink(plugin::hostInterfaceOf({"a", "eth0"})));
      const auto ip = lease->second.addresses.front();
      EXPECT_NE(ip, book.leases.at({"other", "eth0"}).addresses.front());
    }
    del("a", small);
  }
  RecordProperty("survivors", survivors);
  del("other", small);
  expectNothingLeft();
}

TEST_F(Concurrency, StoppedLockHolderBlocksOthersOnlyUntilTheDeadline) {
  const auto dual = config(Families::Dual);
  add("p0", dual);
  podNamespace("p1");
  {
    const StoppedProcess holder([&] { return ipam::LeaseStore::open(directory_.path()); });
    const auto adding = environmentFor("ADD", "p1");
    const auto deleting = environmentFor("DEL", "p0");
    ProcessResult added;
    ProcessResult deleted;
    std::thread first([&] { added = run({KPOL_BINARY}, dual, adding); });
    std::thread second([&] { deleted = run({KPOL_BINARY}, dual, deleting); });
    first.join();
    second.join();
    for (const auto& result : {added, deleted}) {
      EXPECT_EQ(result.status, 1);
      const auto error = conf::parseError(result.out);
      EXPECT_EQ(error.code, number(CniCode::TryAgain));
      EXPECT_THAT(error.msg, testing::HasSubstr("ipam/lock is held by another kpol process"));
    }
  }
  // A killed process holds no lock.
  add("p1", dual);
  del("p0", dual);
  del("p1", dual);
}

TEST_F(Concurrency, StoppedReleaserBlocksOnlyItsOwnAddresses) {
  const auto small = with(config(Families::V4), "10.244.1.0/30");
  add("p0", small);
  add("p1", small);
  {
    const StoppedProcess settler([&] {
      auto lock = ipam::openLockFile(directory_.path(), "settle.lock");
      EXPECT_EQ(::flock(lock.value(), LOCK_EX), 0);
      return lock;
    });
    del("p0", small);
    const auto error = errorOf("ADD", "p2", small);
    EXPECT_EQ(error.code, number(CniCode::TryAgain));
    EXPECT_EQ(error.msg, "no address is free before the interface of an ended pod is deleted");
  }
  add("p2", small);
  del("p1", small);
  del("p2", small);
}

TEST_F(Concurrency, UnresponsiveKpoldBlocksOnlyUntilTheDeadline) {
  {
    const UnixServer silent([](UnixServer::Connection& connection) {
      connection.readRequest();
      connection.waitForHangup();
    });
    auto enforced = enforcedConfig(silent.path());
    enforced.replace(enforced.find("\"policyTimeout\":5"), 17, "\"policyTimeout\":1");
    EXPECT_EQ(errorOf("ADD", "a", enforced).code, number(CniCode::TryAgain));
    EXPECT_EQ(call("DEL", "a", enforced).status, 0);
  }
  expectNothingLeft();
}

// The links went with the memory, and what is on disk is of pods that ended with it.
TEST_F(Concurrency, AfterARebootAllAddressesAreFree) {
  const auto small = with(config(Families::V4), "10.244.1.0/30");
  writeFile(directory_.file("ipam/leases"),
            "kpol-leases 3 11111111-2222-3333-4444-555555555555\n"
            "give a eth0 pods shop/a 1 10.244.1.1\ngive b eth0 pods shop/b 1 10.244.1.2\n"
            "leave b eth0 7\n");
  del("a", small);  // as the runtime does with the sandboxes of before
  add("c", small);
  add("d", small);
  EXPECT_EQ(errorOf("ADD", "e", small).code, number(CniCode::AddressUnavailable));
  del("c", small);
  del("d", small);
}

// Debian's own IPAM plugins.
class RealIpam : public PluginNode {
 protected:
  [[nodiscard]] std::string withIpam(const std::string& ipam) const {
    return R"({"cniVersion":"1.0.0","name":"pods","type":"kpol","policy":"none","stateDir":")" +
           directory_.path() + R"(","ipam":)" + ipam + "}";
  }
  [[nodiscard]] std::string hostLocal() const {
    return withIpam(R"({"type":"host-local","dataDir":")" + directory_.file("host-local") +
                    R"(","ranges":[[{"subnet":"10.9.0.0/30"}],[{"subnet":"fd09::/64"}]]})");
  }
  ProcessResult callReal(const std::string& command, const std::string& id,
                         const std::string& config) {
    return call(command, id, config,
                {{"CNI_PATH", "/usr/lib/cni"},
                 {"CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=" + id}});
  }
};

TEST_F(RealIpam, HostLocalAddsChecksAndDeletes) {
  const auto added = callReal("ADD", "a", hostLocal());
  ASSERT_EQ(added.status, 0) << added.out << added.err;
  const auto result = conf::parseResult(added.out, "result");
  ASSERT_EQ(result.ips.size(), 2U);
  EXPECT_EQ(toString(result.ips[0].address), "10.9.0.2");
  EXPECT_EQ(result.ips[0].prefixLength, 32U);
  EXPECT_EQ(callReal("CHECK", "a", withPrevious(hostLocal(), added.out)).out, "");

  // host-local reserves one address of a /30 for the gateway, so the next pod gets its error,
  // unchanged.
  const auto full = callReal("ADD", "b", hostLocal());
  EXPECT_EQ(full.status, 1);
  EXPECT_THAT(conf::parseError(full.out).msg, testing::HasSubstr("no IP addresses available"));

  EXPECT_EQ(callReal("DEL", "a", hostLocal()).status, 0);
  EXPECT_EQ(callReal("DEL", "a", hostLocal()).status, 0);
  EXPECT_EQ(callReal("ADD", "b", hostLocal()).status, 0);
  EXPECT_EQ(callReal("DEL", "b", hostLocal()).status, 0);
  expectNothingLeft();
}

TEST_F(RealIpam, HostLocalReusesAnAddressOnlyAfterTheLinkIsDeleted) {
  for (int i = 0; i < 5; ++i) {
    const auto id = "p" + std::to_string(i);
    const auto added = callReal("ADD", id, hostLocal());
    ASSERT_EQ(added.status, 0) << added.out;
    EXPECT_EQ(callReal("DEL", id, withPrevious(hostLocal(), added.out)).status, 0);
    EXPECT_FALSE(netlink::RouteSocket().findLink(plugin::hostInterfaceOf({id, "eth0"})));
  }
  expectNothingLeft();
}

TEST_F(RealIpam, StaticReturnsItsConfiguredAddresses) {
  const auto fixed = withIpam(
      R"({"type":"static","addresses":[{"address":"10.9.0.7/24"},{"address":"fd09::7/64"}]})");
  const auto added = callReal("ADD", "a", fixed);
  ASSERT_EQ(added.status, 0) << added.out << added.err;
  EXPECT_EQ(toString(conf::parseResult(added.out, "result").ips.at(1).address), "fd09::7");
  EXPECT_EQ(callReal("CHECK", "a", withPrevious(fixed, added.out)).out, "");
  EXPECT_EQ(callReal("DEL", "a", fixed).status, 0);
  expectNothingLeft();
}

TEST_F(RealIpam, DhcpWithoutItsDaemonReturnsItsError) {
  const auto dhcp =
      withIpam(R"({"type":"dhcp","daemonSocketPath":")" + directory_.file("no-dhcp.sock") + "\"}");
  const auto added = callReal("ADD", "a", dhcp);
  EXPECT_EQ(added.status, 1);
  EXPECT_THAT(conf::parseError(added.out).msg, testing::HasSubstr("dhcp"));
  expectNothingLeft();
}

}  // namespace
}  // namespace kpol::test
