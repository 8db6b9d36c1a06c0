// SPDX-License-Identifier: Apache-2.0
#include "plugin/ipam_store.hpp"

#include "tests/plugin/requests.hpp"
#include "tests/plugin/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>

namespace kpol::plugin {
namespace {

using std::chrono::milliseconds;
using test::cniErrorOf;
using test::ip;
using test::readFile;
using test::TemporaryDirectory;
using test::writeFile;

Lease lease(const std::string& id, std::vector<base::IpAddress> ips,
            const std::string& network = "pods") {
  return {{id, "eth0"}, network, {"shop", id}, 1700000000, std::move(ips)};
}

std::map<conf::AttachmentId, Lease> leasesIn(const TemporaryDirectory& directory) {
  return IpamStore::open(directory.path()).leases();
}

std::string journal(const TemporaryDirectory& directory) {
  return readFile(directory.file("ipam/leases"));
}

TEST(IpamStore, BeginsEmptyAndMakesItsDirectories) {
  const TemporaryDirectory directory;
  const std::string state = directory.file("a/b");
  EXPECT_TRUE(IpamStore::open(state).leases().empty());
  struct stat status {};
  ASSERT_EQ(::stat((state + "/ipam").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0700U);
}

TEST(IpamStore, KeepsLeases) {
  const TemporaryDirectory directory;
  const auto first = lease("c1", {ip("10.0.0.1"), ip("fd00::1")});
  auto second = lease("c2", {ip("10.0.0.2")}, "other");
  second.pod = {};
  {
    auto store = IpamStore::open(directory.path());
    store.add(first);
    store.add(second);
  }
  EXPECT_EQ(leasesIn(directory),
            (std::map<conf::AttachmentId, Lease>{{first.id, first}, {second.id, second}}));
}

TEST(IpamStore, FreesById) {
  const TemporaryDirectory directory;
  auto store = IpamStore::open(directory.path());
  store.add(lease("c1", {ip("10.0.0.1")}));
  EXPECT_FALSE(store.remove({"c1", "net1"}));
  EXPECT_TRUE(store.remove({"c1", "eth0"}));
  EXPECT_FALSE(store.remove({"c1", "eth0"}));
  EXPECT_TRUE(store.leases().empty());
}

TEST(IpamStore, TellsWhatEachNetworkWasGivenLast) {
  const TemporaryDirectory directory;
  {
    auto store = IpamStore::open(directory.path());
    EXPECT_TRUE(store.lastGiven("pods").empty());
    store.add(lease("c1", {ip("10.0.0.1"), ip("fd00::1")}));
    store.add(lease("c2", {ip("10.9.0.1")}, "other"));
    store.add(lease("c3", {ip("10.0.0.2"), ip("fd00::2")}));
    store.remove({"c3", "eth0"});
  }
  const auto store = IpamStore::open(directory.path());
  EXPECT_EQ(store.lastGiven("pods"), (std::vector{ip("10.0.0.2"), ip("fd00::2")}));
  EXPECT_EQ(store.lastGiven("other"), std::vector{ip("10.9.0.1")});
  EXPECT_TRUE(store.lastGiven("third").empty());
}

TEST(IpamStore, ForgetsHistoryButNotLeasesNorWhatWasGivenLast) {
  const TemporaryDirectory directory;
  const auto kept = lease("kept", {ip("10.0.0.1")});
  std::size_t largest = 0;
  {
    auto store = IpamStore::open(directory.path());
    store.add(kept);
    for (int i = 0; i < 2000; ++i) {
      store.add(lease("c" + std::to_string(i), {ip("10.0.0." + std::to_string(2 + i % 250))}));
      store.remove({"c" + std::to_string(i), "eth0"});
      if (i % 100 == 0) largest = std::max(largest, journal(directory).size());
    }
  }
  EXPECT_LT(largest, 30000U);
  EXPECT_EQ(leasesIn(directory), (std::map<conf::AttachmentId, Lease>{{kept.id, kept}}));
  EXPECT_EQ(IpamStore::open(directory.path()).lastGiven("pods"),
            std::vector{ip("10.0.0." + std::to_string(2 + 1999 % 250))});
}

TEST(IpamStore, CutsOffALineHalfWritten) {
  const TemporaryDirectory directory;
  const auto whole = lease("c1", {ip("10.0.0.1")});
  const auto next = lease("c3", {ip("10.0.0.2")});
  IpamStore::open(directory.path()).add(whole);
  const auto text = journal(directory);
  for (const char* half : {"g", "give c2 eth0 pods shop/c2 1700000000 10.0.0.", "free c1 eth0"}) {
    writeFile(directory.file("ipam/leases"), text + half);
    {
      auto store = IpamStore::open(directory.path());
      EXPECT_EQ(store.leases().size(), 1U);
      store.add(next);
    }
    EXPECT_EQ(leasesIn(directory),
              (std::map<conf::AttachmentId, Lease>{{whole.id, whole}, {next.id, next}}))
        << half;
  }
}

TEST(IpamStore, DropsTheLeasesOfAnEarlierBoot) {
  for (const std::string& left :
       {std::string("kpol-leases 1 11111111-2222-3333-4444-555555555555\n"
                    "give c1 eth0 pods shop/c1 1 10.0.0.1\n"),
        std::string("kpol-leases 1 11111111-2222-3333-4444-555555555555\n\0\0\0", 55),
        std::string(4096, '\0'), std::string()}) {
    const TemporaryDirectory directory;
    writeFile(directory.file("ipam/leases"), left);
    EXPECT_TRUE(leasesIn(directory).empty());
    IpamStore::open(directory.path()).add(lease("c2", {ip("10.0.0.1")}));
    EXPECT_EQ(leasesIn(directory).size(), 1U);
  }
}

TEST(IpamStore, RefusesWhatItDidNotWrite) {
  const TemporaryDirectory directory;
  IpamStore::open(directory.path()).add(lease("c1", {ip("10.0.0.1")}));
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
    EXPECT_THROW((void)IpamStore::open(directory.path()), StoreError) << other;
    EXPECT_EQ(journal(directory), other);
  }
}

TEST(IpamStore, WaitsForItsLockOnlySoLong) {
  const TemporaryDirectory directory;
  {
    const auto holder = IpamStore::open(directory.path());
    const auto error =
        cniErrorOf([&] { (void)IpamStore::open(directory.path(), milliseconds(20)); });
    EXPECT_EQ(error.code, static_cast<unsigned>(conf::CniCode::TryAgain));
    EXPECT_EQ(error.msg, "the lock " + directory.file("ipam/lock") + " is held by another kpol");
  }
  EXPECT_NO_THROW((void)IpamStore::open(directory.path(), milliseconds(20)));
}

TEST(IpamStore, SaysWhichFileCannotBeUsed) {
  const TemporaryDirectory directory;
  writeFile(directory.file("file"), "");
  try {
    (void)IpamStore::open(directory.file("file"));
    ADD_FAILURE();
  } catch (const base::SystemError& error) {
    EXPECT_THAT(error.what(), testing::HasSubstr(directory.file("file/ipam")));
  }
}

TEST(IpamStoreDeathTest, HoldsOneLeaseForEachAttachment) {
  const TemporaryDirectory directory;
  auto store = IpamStore::open(directory.path());
  store.add(lease("c1", {ip("10.0.0.1")}));
  EXPECT_DEATH(store.add(lease("c1", {ip("10.0.0.2")})), "one lease for each attachment");
}

}  // namespace
}  // namespace kpol::plugin
