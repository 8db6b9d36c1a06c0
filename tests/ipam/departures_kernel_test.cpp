// SPDX-License-Identifier: Apache-2.0
#include "ipam/departures.hpp"
#include "ipam/lease_store.hpp"
#include "tests/ipam/full_disk.hpp"
#include "tests/plugin/temporary_directory.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace kpol::ipam {
namespace {

using test::TemporaryDirectory;

base::IfName name(const std::string& text) {
  return base::IfName::parse(text).value();
}

void noRemark(const std::string& text) {
  ADD_FAILURE() << text;
}

class Departures : public testing::Test {
 protected:
  // A veth pair like that of ADD, with both ends in this namespace. It is deleted with the test's
  // namespace at the latest.
  base::IfIndex link(const std::string& ifName, const std::string& alias) {
    const auto mac = base::MacAddress::parse("02:00:00:00:00:01").value();
    const auto peer = name("p" + ifName.substr(4));
    EXPECT_TRUE(node_.addVeth({name(ifName), mac, peer, mac, 0, -1, alias}));
    return node_.findLink(name(ifName)).value().index;
  }
  void depart(const std::string& id, const std::string& ip, base::IfIndex link) {
    auto store = LeaseStore::open(directory_.path());
    const conf::AttachmentId attachment{id, "eth0"};
    store.add({attachment, "pods", {"shop", id}, 1, {base::IpAddress::parse(ip).value()}});
    EXPECT_TRUE(store.depart(attachment, link));
  }
  [[nodiscard]] std::size_t departures() const {
    return readLeases(directory_.path()).departures.size();
  }

  TemporaryDirectory directory_;
  netlink::RouteSocket node_;
};

TEST_F(Departures, AreReleasedTogether) {
  const auto first = link("kpola", "c1 eth0 pods shop/c1");
  const auto second = link("kpolb", "");  // an ADD killed before it gave the alias
  depart("c1", "10.0.0.1", first);
  depart("c2", "10.0.0.2", second);
  depart("c3", "10.0.0.3", {});
  settleDepartures(directory_.path(), noRemark);
  EXPECT_EQ(departures(), 0U);
  EXPECT_EQ(node_.findLink(first), std::nullopt);
  EXPECT_EQ(node_.findLink(second), std::nullopt);
  settleDepartures(directory_.path(), noRemark);
}

TEST_F(Departures, DoNotDeleteThirdPartyLinks) {
  const auto another = link("kpolc", "c9 eth0 pods shop/c9");
  const auto foreign = link("vethd", "c2 eth0 pods shop/c2");
  depart("c1", "10.0.0.1", another);
  depart("c2", "10.0.0.2", foreign);
  depart("c3", "10.0.0.3", {1});  // lo
  settleDepartures(directory_.path(), noRemark);
  EXPECT_EQ(departures(), 0U) << "the links of these pods are gone, others have their numbers";
  EXPECT_TRUE(node_.findLink(another));
  EXPECT_TRUE(node_.findLink(foreign));
  node_.deleteLink(another);
  node_.deleteLink(foreign);
}

TEST_F(Departures, AreLeftToTheProcessThatHasTheLock) {
  depart("c1", "10.0.0.1", {});
  const auto path = directory_.file("ipam/settle.lock");
  {
    const base::UniqueFd other(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(::flock(other.value(), LOCK_EX), 0);
    settleDepartures(directory_.path(), noRemark);
    EXPECT_EQ(departures(), 1U);
  }
  settleDepartures(directory_.path(), noRemark);
  EXPECT_EQ(departures(), 0U);
}

// The eviction of pods must be able to free a full disk.
TEST_F(Departures, AreRecordedAndReleasedOnAFullDisk) {
  const test::SmallDisk disk(directory_.file("disk"));
  const auto found = link("kpola", "c1 eth0 pods shop/c1");
  const auto known = link("kpolb", "c2 eth0 pods shop/c2");
  const Lease first{{"c1", "eth0"}, "pods", {"shop", "c1"}, 1, {*base::IpAddress::parse("::1")}};
  const Lease second{{"c2", "eth0"}, "pods", {"shop", "c2"}, 1, {*base::IpAddress::parse("::2")}};
  const Lease third{{"c3", "eth0"}, "pods", {"shop", "c3"}, 1, {*base::IpAddress::parse("::3")}};
  const Lease kept{{"c4", "eth0"}, "pods", {"shop", "c4"}, 1, {*base::IpAddress::parse("::4")}};
  {
    auto store = LeaseStore::open(disk.path());
    for (const auto& lease : {first, second, third, kept}) store.add(lease);
    EXPECT_TRUE(store.depart(second.id, known));
  }
  disk.fillInodes();
  {
    auto store = LeaseStore::open(disk.path());
    EXPECT_TRUE(store.depart(first.id, found));
    EXPECT_TRUE(store.remove(third.id));
    EXPECT_THROW(store.add({{"c5", "eth0"}, "pods", {"shop", "c5"}, 1, {}}), base::SystemError);
  }
  const auto book = readLeases(disk.path());
  EXPECT_EQ(book.leases, (std::map<conf::AttachmentId, Lease>{{kept.id, kept}}));
  EXPECT_EQ(book.departures, (std::vector<Departure>{{first, {}}, {second, known}}));

  settleDepartures(disk.path(), noRemark);
  EXPECT_EQ(readLeases(disk.path()).departures, std::vector<Departure>{});
  EXPECT_EQ(readLeases(disk.path()).leases.size(), 1U);
  EXPECT_EQ(node_.findLink(found), std::nullopt) << "found by its alias";
  EXPECT_EQ(node_.findLink(known), std::nullopt);

  disk.makeRoom();
  auto store = LeaseStore::open(disk.path());
  store.add(first);
  EXPECT_EQ(store.leases().size(), 2U);
}

// A process that finds another one releasing relies on it. None may be left when all have returned.
TEST_F(Departures, NoneIsLeftAfterConcurrentReleases) {
  constexpr int kThreads = 4;
  constexpr int kRounds = 60;
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < kRounds; ++i) {
        const int number = t * kRounds + i;
        depart("c" + std::to_string(number), "10.0.0." + std::to_string(number), {});
        settleDepartures(directory_.path(), noRemark);
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(departures(), 0U);
}

}  // namespace
}  // namespace kpol::ipam
