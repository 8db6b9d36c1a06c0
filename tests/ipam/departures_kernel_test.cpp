// SPDX-License-Identifier: Apache-2.0
#include "ipam/departures.hpp"
#include "ipam/lease_store.hpp"
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
