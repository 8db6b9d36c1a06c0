// SPDX-License-Identifier: Apache-2.0
#include "ipam/lease_store.hpp"

#include "tests/plugin/temporary_directory.hpp"
#include "tests/support/addresses.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>

namespace kpol::ipam {
namespace {

using std::chrono::milliseconds;
using test::ip;
using test::readFile;
using test::TemporaryDirectory;
using test::writeFile;

Lease lease(const std::string& id, std::vector<base::IpAddress> ips,
            const std::string& network = "pods") {
  return {{id, "eth0"}, network, {"shop", id}, 1700000000, std::move(ips)};
}

std::map<conf::AttachmentId, Lease> leasesIn(const TemporaryDirectory& directory) {
  return LeaseStore::open(directory.path()).leases();
}

std::string journal(const TemporaryDirectory& directory) {
  return readFile(directory.file("ipam/leases"));
}

TEST(LeaseStore, StartsEmptyAndCreatesItsDirectories) {
  const TemporaryDirectory directory;
  const std::string state = directory.file("a/b");
  EXPECT_TRUE(LeaseStore::open(state).leases().empty());
  struct stat status {};
  ASSERT_EQ(::stat((state + "/ipam").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
}

TEST(LeaseStore, CannotBeWhereTheFileSystemMakesNoDirectories) {
  EXPECT_THAT(
      [] { LeaseStore::open("/proc/kpol/state"); },
      testing::ThrowsMessage<base::SystemError>(testing::HasSubstr("create directory /proc/kpol")));
}

TEST(LeaseStore, KeepsLeases) {
  const TemporaryDirectory directory;
  const auto first = lease("c1", {ip("10.0.0.1"), ip("fd00::1")});
  auto second = lease("c2", {ip("10.0.0.2")}, "other");
  second.pod = {};
  {
    auto store = LeaseStore::open(directory.path());
    store.add(first);
    store.add(second);
  }
  EXPECT_EQ(leasesIn(directory),
            (std::map<conf::AttachmentId, Lease>{{first.id, first}, {second.id, second}}));
}

TEST(LeaseStore, FreesById) {
  const TemporaryDirectory directory;
  auto store = LeaseStore::open(directory.path());
  store.add(lease("c1", {ip("10.0.0.1")}));
  EXPECT_FALSE(store.remove({"c1", "net1"}));
  EXPECT_TRUE(store.remove({"c1", "eth0"}));
  EXPECT_FALSE(store.remove({"c1", "eth0"}));
  EXPECT_TRUE(store.leases().empty());
}

TEST(LeaseStore, KeepsPendingReleasesUntilTheyAreDeleted) {
  const TemporaryDirectory directory;
  const auto pod = lease("c1", {ip("10.0.0.1"), ip("fd00::1")});
  const Departure departure{pod, {7}};
  {
    auto store = LeaseStore::open(directory.path());
    EXPECT_FALSE(store.depart(pod.id, {7}));
    store.add(pod);
    EXPECT_TRUE(store.depart(pod.id, {7}));
    EXPECT_FALSE(store.depart(pod.id, {7}));
    EXPECT_FALSE(store.remove(pod.id));
  }
  {
    auto store = LeaseStore::open(directory.path());
    EXPECT_TRUE(store.leases().empty());
    EXPECT_EQ(store.departures(), std::vector{departure});
    store.settle(departure);
    store.settle(departure);  // by two at once
  }
  EXPECT_EQ(LeaseStore::open(directory.path()).departures(), std::vector<Departure>{});
}

TEST(LeaseStore, WritesRangesOnlyWhenTheyChange) {
  const TemporaryDirectory directory;
  const std::vector<conf::IpRangeSet> ranges{
      {{base::Prefix::parse("10.0.0.0/24").value(), ip("10.0.0.1"), ip("10.0.0.9"), std::nullopt}}};
  LeaseStore::open(directory.path()).noteRanges("pods", ranges);
  const auto text = journal(directory);
  LeaseStore::open(directory.path()).noteRanges("pods", ranges);
  EXPECT_EQ(journal(directory), text);
  EXPECT_EQ(readLeases(directory.path()).ranges.at("pods"), ranges);
}

TEST(LeaseStore, CanBeReadWhileLocked) {
  const TemporaryDirectory directory;
  EXPECT_EQ(readLeases(directory.path()), LeaseBook());
  EXPECT_FALSE(std::filesystem::exists(directory.file("ipam"))) << "reading created a file";
  auto store = LeaseStore::open(directory.path());
  const auto pod = lease("c1", {ip("10.0.0.1")});
  store.add(pod);
  EXPECT_EQ(readLeases(directory.path()).leases,
            (std::map<conf::AttachmentId, Lease>{{pod.id, pod}}));
}

TEST(LeaseStore, RewritesAFileOfTheOldFormat) {
  const TemporaryDirectory directory;
  const auto pod = lease("c1", {ip("10.0.0.1")});
  LeaseStore::open(directory.path()).add(pod);
  auto text = journal(directory);
  text.replace(text.find("kpol-leases 3"), 13, "kpol-leases 1");
  writeFile(directory.file("ipam/leases"), text);
  EXPECT_EQ(leasesIn(directory).size(), 1U);
  EXPECT_TRUE(journal(directory).starts_with("kpol-leases 1 ")) << "reading changed the file";
  EXPECT_TRUE(LeaseStore::open(directory.path()).depart(pod.id, {7}));
  EXPECT_TRUE(journal(directory).starts_with("kpol-leases 3 "));
  EXPECT_EQ(readLeases(directory.path()).departures, (std::vector<Departure>{{pod, {7}}}));
}

TEST(LeaseStore, ReturnsTheLastAddressesOfEachNetwork) {
  const TemporaryDirectory directory;
  {
    auto store = LeaseStore::open(directory.path());
    EXPECT_TRUE(store.lastGiven("pods").empty());
    store.add(lease("c1", {ip("10.0.0.1"), ip("fd00::1")}));
    store.add(lease("c2", {ip("10.9.0.1")}, "other"));
    store.add(lease("c3", {ip("10.0.0.2"), ip("fd00::2")}));
    store.remove({"c3", "eth0"});
  }
  const auto store = LeaseStore::open(directory.path());
  EXPECT_EQ(store.lastGiven("pods"), (std::vector{ip("10.0.0.2"), ip("fd00::2")}));
  EXPECT_EQ(store.lastGiven("other"), std::vector{ip("10.9.0.1")});
  EXPECT_TRUE(store.lastGiven("third").empty());
}

TEST(LeaseStore, CompactionKeepsLeasesAndLastAddresses) {
  const TemporaryDirectory directory;
  const auto kept = lease("kept", {ip("10.0.0.1")});
  std::size_t largest = 0;
  {
    auto store = LeaseStore::open(directory.path());
    store.add(kept);
    for (int i = 0; i < 2000; ++i) {
      store.add(lease("c" + std::to_string(i), {ip("10.0.0." + std::to_string(2 + i % 250))}));
      store.remove({"c" + std::to_string(i), "eth0"});
      if (i % 100 == 0) largest = std::max(largest, journal(directory).size());
    }
  }
  EXPECT_LT(largest, 30000U);
  EXPECT_EQ(leasesIn(directory), (std::map<conf::AttachmentId, Lease>{{kept.id, kept}}));
  EXPECT_EQ(LeaseStore::open(directory.path()).lastGiven("pods"),
            std::vector{ip("10.0.0." + std::to_string(2 + 1999 % 250))});
}

TEST(LeaseStore, DropsAnIncompleteLastLine) {
  const TemporaryDirectory directory;
  const auto whole = lease("c1", {ip("10.0.0.1")});
  const auto next = lease("c3", {ip("10.0.0.2")});
  LeaseStore::open(directory.path()).add(whole);
  const auto text = journal(directory);
  for (const char* half : {"g", "give c2 eth0 pods shop/c2 1700000000 10.0.0.", "free c1 eth0"}) {
    writeFile(directory.file("ipam/leases"), text + half);
    {
      auto store = LeaseStore::open(directory.path());
      EXPECT_EQ(store.leases().size(), 1U);
      store.add(next);
    }
    EXPECT_EQ(leasesIn(directory),
              (std::map<conf::AttachmentId, Lease>{{whole.id, whole}, {next.id, next}}))
        << half;
  }
}

TEST(LeaseStore, DropsTheLeasesOfAnEarlierBoot) {
  for (const std::string& left :
       {std::string("kpol-leases 1 11111111-2222-3333-4444-555555555555\n"
                    "give c1 eth0 pods shop/c1 1 10.0.0.1\n"),
        std::string("kpol-leases 1 11111111-2222-3333-4444-555555555555\n\0\0\0", 55),
        std::string(4096, '\0'), std::string()}) {
    const TemporaryDirectory directory;
    writeFile(directory.file("ipam/leases"), left);
    EXPECT_TRUE(leasesIn(directory).empty());
    LeaseStore::open(directory.path()).add(lease("c2", {ip("10.0.0.1")}));
    EXPECT_EQ(leasesIn(directory).size(), 1U);
  }
}

std::vector<base::IpAddress> restingIn(const TemporaryDirectory& directory) {
  std::vector<base::IpAddress> ips;
  for (const auto& [ip, since] : LeaseStore::open(directory.path()).resting()) {
    EXPECT_LE(std::abs(std::time(nullptr) - since), 30) << toString(ip);
    ips.push_back(ip);
  }
  return ips;
}

TEST(LeaseStore, FreedAddressesRest) {
  const TemporaryDirectory directory;
  const auto ended = lease("c1", {ip("10.0.0.1"), ip("fd00::1")});
  {
    auto store = LeaseStore::open(directory.path());
    store.add(ended);
    store.add(lease("c2", {ip("10.0.0.2")}));
    store.depart(ended.id, {7});
    EXPECT_TRUE(store.resting().empty()) << "pending";
    store.settle({ended, {7}});
    store.remove({"c2", "eth0"});
  }
  EXPECT_EQ(restingIn(directory), (std::vector{ip("10.0.0.1"), ip("10.0.0.2"), ip("fd00::1")}));
}

TEST(LeaseStore, AddressesRestForALimitedTimeAlsoIfTheClockIsSet) {
  const TemporaryDirectory directory;
  LeaseStore::open(directory.path()).add(lease("c1", {ip("10.0.0.1")}));
  const auto now = std::time(nullptr);
  writeFile(directory.file("ipam/leases"),
            journal(directory) + restLine({ip("10.0.0.2")}, now - kRestSeconds) +
                restLine({ip("10.0.0.3")}, now - 3) + restLine({ip("10.0.0.4")}, now + 100000));
  EXPECT_EQ(restingIn(directory), std::vector{ip("10.0.0.3")});
}

TEST(LeaseStore, AddressesOfAnEarlierBootRest) {
  const TemporaryDirectory directory;
  writeFile(directory.file("ipam/leases"),
            "kpol-leases 2 11111111-2222-3333-4444-555555555555\n"
            "give c1 eth0 pods shop/c1 1 10.0.0.1,fd00::1\n"
            "give c2 eth0 pods shop/c2 1 10.0.0.2\nfree c1 eth0\n");
  for (int i = 0; i < 2; ++i)
    EXPECT_EQ(restingIn(directory), (std::vector{ip("10.0.0.1"), ip("10.0.0.2"), ip("fd00::1")}));
  EXPECT_EQ(LeaseStore::open(directory.path()).lastGiven("pods"), std::vector{ip("10.0.0.2")});
}

TEST(LeaseStore, RejectsInvalidFiles) {
  const TemporaryDirectory directory;
  LeaseStore::open(directory.path()).add(lease("c1", {ip("10.0.0.1")}));
  const auto text = journal(directory);
  for (const std::string& other : {
           std::string("{\"leases\":[]}\n"),
           text + "grant c2\n",
           text + "\n",
           text + "free c9 eth0\n",
           text + "free c1\n",
           text + "give c1 eth0 pods shop/c1 1 10.0.0.2\n",
           text + "give c2 eth0 pods shop/c2 1 10.0.0\n",
           text + "give c2 eth0 pods shop/c2 1x 10.0.0.2\n",
           text + "give c2 eth0 pods shop 1 10.0.0.2\n",
           text + "give c2 eth0 pods shop/c2 1 10.0.0.2 more\n",
           text + "last pods 10.0.0\n",
       }) {
    writeFile(directory.file("ipam/leases"), other);
    EXPECT_THROW((void)LeaseStore::open(directory.path()), JournalError) << other;
    EXPECT_EQ(journal(directory), other);
  }
}

TEST(LeaseStore, LockWaitHasADeadline) {
  const TemporaryDirectory directory;
  {
    const auto holder = LeaseStore::open(directory.path());
    try {
      (void)LeaseStore::open(directory.path(), milliseconds(20));
      ADD_FAILURE();
    } catch (const StoreBusy& busy) {
      EXPECT_EQ(std::string(busy.what()),
                "the lock " + directory.file("ipam/lock") + " is held by another kpol process");
    }
  }
  EXPECT_NO_THROW((void)LeaseStore::open(directory.path(), milliseconds(20)));
}

TEST(LeaseStore, ErrorsNameTheFile) {
  const TemporaryDirectory directory;
  writeFile(directory.file("file"), "");
  try {
    (void)LeaseStore::open(directory.file("file"));
    ADD_FAILURE();
  } catch (const base::SystemError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(directory.file("file/ipam")));
  }
}

TEST(LeaseStoreDeathTest, AllowsOneLeasePerAttachment) {
  const TemporaryDirectory directory;
  auto store = LeaseStore::open(directory.path());
  store.add(lease("c1", {ip("10.0.0.1")}));
  EXPECT_DEATH(store.add(lease("c1", {ip("10.0.0.2")})), "one lease for each attachment");
}

}  // namespace
}  // namespace kpol::ipam
