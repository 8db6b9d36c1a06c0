// SPDX-License-Identifier: Apache-2.0
#include "nft/table_watch.hpp"
#include "tests/nft/kernel_fixture.hpp"
#include "tests/nft/rule_cases.hpp"

#include <gtest/gtest.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <poll.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <vector>

namespace kpol::nft {
namespace {

using test::commit;
using test::nftOutput;

constexpr std::uint32_t kOwnPort = 7;
constexpr std::uint32_t kOtherPort = 8;

// An unowned table, as on kernels before 6.9, and a watch without events so far.
class TableWatchTest : public test::KernelTest {
 protected:
  static Kernel ordinaryTable() {
    Kernel kernel({.own = false});
    commit(kernel, test::tableForRuleCases());
    return kernel;
  }

  void TearDown() override {
    nftOutput({"flush", "ruleset"});
    KernelTest::TearDown();
  }

  [[nodiscard]] bool readable() const {
    pollfd entry{watch.fd(), POLLIN, 0};
    return ::poll(&entry, 1, 0) == 1;
  }

  Kernel kernel = ordinaryTable();
  TableWatch watch{"kpol", kernel.portId()};
};

TEST_F(TableWatchTest, NoChangeIsNoEvent) {
  EXPECT_FALSE(readable());
  EXPECT_FALSE(watch.drain());
}

TEST_F(TableWatchTest, OwnChangesAreIgnored) {
  commit(kernel, {"kpol", {AddCounter{"mine"}}});
  EXPECT_TRUE(readable());
  EXPECT_FALSE(watch.drain());
  EXPECT_FALSE(readable());
  commit(kernel, {"kpol", {DeleteTable{}}});
  EXPECT_TRUE(readable());
  EXPECT_FALSE(watch.drain());
}

TEST_F(TableWatchTest, EachThirdPartyChangeIsReportedOnce) {
  const std::vector<std::string> changes{
      "add rule inet kpol forward accept",
      "flush chain inet kpol forward",
      "add chain inet kpol extra",
      "delete chain inet kpol extra",
      "add set inet kpol extra { type ipv4_addr; }",
      "add element inet kpol extra { 10.0.0.1 }",
      "delete element inet kpol extra { 10.0.0.1 }",
      "delete set inet kpol extra",
      "add counter inet kpol extra",
      "delete counter inet kpol extra",
      "flush ruleset",
      "add table inet kpol",
      "delete table inet kpol",
  };
  for (const auto& change : changes) {
    nftOutput({change});
    EXPECT_TRUE(readable()) << change;
    EXPECT_TRUE(watch.drain()) << change;
    EXPECT_FALSE(watch.drain()) << change;
  }
}

TEST_F(TableWatchTest, OtherTablesAreIgnored) {
  for (const std::string table : {"inet other", "ip kpol", "inet kpol2"}) {
    nftOutput({"add table " + table});
    nftOutput({"add chain " + table + " forward"});
    nftOutput({"add rule " + table + " forward accept"});
    nftOutput({"delete table " + table});
    EXPECT_TRUE(readable()) << table;
    EXPECT_FALSE(watch.drain()) << table;
  }
}

TEST_F(TableWatchTest, ThirdPartyChangeAmongOtherEventsIsFound) {
  nftOutput({"add table inet other"});
  nftOutput({"add counter inet kpol theirs"});
  commit(kernel, {"kpol", {AddCounter{"mine"}}});
  nftOutput({"delete table inet other"});
  EXPECT_TRUE(watch.drain());
  EXPECT_FALSE(watch.drain());
}

TEST_F(TableWatchTest, LossIsReportedOnceAndTheWatchContinues) {
  const int smallest = 1;
  ASSERT_EQ(::setsockopt(watch.fd(), SOL_SOCKET, SO_RCVBUF, &smallest, sizeof(smallest)), 0);
  std::string elements = "10.0.0.0";
  for (int i = 1; i < 2000; ++i)
    elements += ", 10.0." + std::to_string(i / 256) + "." + std::to_string(i % 256);
  nftOutput({"-f", "-"}, "table inet other { set many { type ipv4_addr; elements = { " + elements +
                             " }; }\n}\n");
  EXPECT_TRUE(watch.drain());
  EXPECT_FALSE(watch.drain());
  nftOutput({"add counter inet kpol theirs"});
  EXPECT_TRUE(watch.drain());
}

// ---- one datagram

using Bytes = std::vector<std::uint8_t>;

template <class T>
void append(Bytes& bytes, const T& value) {
  const auto* begin = reinterpret_cast<const std::uint8_t*>(&value);
  bytes.insert(bytes.end(), begin, begin + sizeof(T));
}

// A new chain of the table kpol.
Bytes notification(std::uint32_t portId) {
  Bytes bytes;
  append(bytes, nlmsghdr{32, (NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWCHAIN, 0, 1, portId});
  append(bytes, nfgenmsg{NFPROTO_INET, NFNETLINK_V0, 0});
  append(bytes, nlattr{9, NFTA_CHAIN_TABLE});
  for (const char letter : std::string("kpol")) append(bytes, letter);
  bytes.resize(32);
  return bytes;
}

bool reports(const Bytes& datagram) {
  return reportsForeignChange(datagram, "kpol", kOwnPort);
}

TEST(ReportsForeignChange, IsTrueOnlyForOtherProcesses) {
  EXPECT_TRUE(reports(notification(kOtherPort)));
  EXPECT_FALSE(reports(notification(kOwnPort)));
  EXPECT_FALSE(reports({}));
}

TEST(ReportsForeignChange, IsTrueForUnreadableNotifications) {
  const Bytes whole = notification(kOtherPort);
  for (std::size_t size = 1; size < whole.size(); ++size)
    EXPECT_TRUE(reports({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(size)}))
        << size;
  Bytes endless = whole;
  endless[24 - 4] = 8;  // the name's length without its zero
  EXPECT_TRUE(reports(endless));
  Bytes nameless = whole;
  nameless[22] = NFTA_CHAIN_NAME;
  EXPECT_TRUE(reports(nameless));
}

}  // namespace
}  // namespace kpol::nft
