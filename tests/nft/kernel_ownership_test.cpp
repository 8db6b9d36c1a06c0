// SPDX-License-Identifier: Apache-2.0
// Whose table it is, and what others can do to it. Needs Linux 6.9.
#include "nft/diff.hpp"
#include "nft/kernel.hpp"
#include "tests/nft/kernel_fixture.hpp"
#include "tests/nft/rule_cases.hpp"
#include "tests/nft/values.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <optional>

namespace kpol::nft {
namespace {

using test::commit;
using test::nftSucceeds;

class KernelOwnership : public test::KernelTest {
 protected:
  static Ruleset table() {
    Ruleset table = test::tableForRuleCases();
    table.sets["members"].elements = {element(test::ip("10.0.0.1"))};
    table.chains["forward"].rules = {{{test::in({Field::IpSaddr}, "members"), test::drop()}, {}}};
    return table;
  }
};

TEST_F(KernelOwnership, NothingIsWrittenByAConstructorOrAnEmptyTable) {
  Kernel kernel({});
  EXPECT_FALSE(kernel.readBack());
  EXPECT_FALSE(kernel.owned());
  EXPECT_EQ(std::get<Committed>(kernel.commit({})).batches, 0U);
  EXPECT_EQ(kernel.batchesSent(), 0U);
}

TEST_F(KernelOwnership, OthersCannotChangeWhatIsOwned) {
  Kernel kernel({});
  commit(kernel, table());
  EXPECT_TRUE(kernel.owned());
  EXPECT_TRUE(nftSucceeds({"flush", "ruleset"}));  // it skips the table
  EXPECT_FALSE(nftSucceeds({"delete", "table", "inet", "kpol"}));
  EXPECT_FALSE(nftSucceeds({"flush", "table", "inet", "kpol"}));
  EXPECT_FALSE(nftSucceeds({"add", "rule", "inet", "kpol", "forward", "accept"}));
  EXPECT_FALSE(nftSucceeds({"add", "element", "inet", "kpol", "members", "{ 10.0.0.9 }"}));
  EXPECT_EQ(kernel.readBack(), table());
}

TEST_F(KernelOwnership, SecondKernelReadsAndReportsTheOwner) {
  Kernel owner({});
  commit(owner, table());
  Kernel other({});
  EXPECT_EQ(other.readBack(), table());
  EXPECT_FALSE(other.owned());
  EXPECT_EQ(owner.foreignOwner(), std::nullopt);
  const auto port = other.foreignOwner();
  ASSERT_TRUE(port);
  const Rejected rejected = test::refuse(other, {AddCounter{"mine"}});
  EXPECT_EQ(rejected.code, EPERM);
  EXPECT_EQ(rejected.message,
            "add counter inet kpol mine: Operation not permitted; the table belongs to netlink "
            "port " +
                std::to_string(*port) + ", another process that is still running");
  EXPECT_EQ(owner.readBack(), table());
}

TEST_F(KernelOwnership, TheTableOutlivesItsOwnerAndIsAdopted) {
  {
    Kernel first({});
    commit(first, table());
  }
  Kernel second({});
  EXPECT_EQ(second.readBack(), table());
  EXPECT_TRUE(second.owned());
  EXPECT_EQ(second.batchesSent(), 1U);
  EXPECT_FALSE(nftSucceeds({"delete", "table", "inet", "kpol"}));
  EXPECT_EQ(second.readBack(), table());
  EXPECT_EQ(second.batchesSent(), 1U);
}

TEST_F(KernelOwnership, ACommitAdoptsToo) {
  {
    Kernel first({});
    commit(first, table());
  }
  Kernel second({});
  commit(second, {"kpol", {AddElements{"members", {element(test::ip("10.0.0.2"))}}}});
  EXPECT_TRUE(second.owned());
}

// kpold can be handed the socket of one that is gone, and with it the ownership.
TEST_F(KernelOwnership, AHeldSocketKeepsTheTableOwned) {
  base::UniqueFd held;
  {
    Kernel first({});
    commit(first, table());
    held.reset(::fcntl(first.fd(), F_DUPFD_CLOEXEC, 0));
  }
  EXPECT_FALSE(nftSucceeds({"delete", "table", "inet", "kpol"}));
  Kernel second({.socket = std::move(held)});
  EXPECT_EQ(second.readBack(), table());
  EXPECT_TRUE(second.owned());
  EXPECT_EQ(second.batchesSent(), 0U);  // no adoption was necessary
  commit(second, {"kpol", {AddCounter{"mine"}}});
}

// The same while it already has another socket.
TEST_F(KernelOwnership, AHeldSocketCanBeUsedLater) {
  base::UniqueFd held;
  {
    Kernel first({});
    commit(first, table());
    held.reset(::fcntl(first.fd(), F_DUPFD_CLOEXEC, 0));
  }
  Kernel second({});
  EXPECT_EQ(second.readBack(), table());
  EXPECT_EQ(test::refuse(second, {AddCounter{"mine"}}).code, EPERM);
  EXPECT_THROW(second.useSocket(base::UniqueFd(::open("/dev/null", O_RDONLY))), KernelError);
  EXPECT_TRUE(second.foreignOwner());
  second.useSocket(std::move(held));
  EXPECT_EQ(second.foreignOwner(), std::nullopt);
  commit(second, {"kpol", {AddCounter{"mine"}}});
  EXPECT_TRUE(second.owned());
}

TEST_F(KernelOwnership, UnownedTableCanBeChangedByAll) {
  Kernel kernel({.own = false});
  commit(kernel, table());
  EXPECT_FALSE(kernel.owned());
  EXPECT_TRUE(nftSucceeds({"add", "counter", "inet", "kpol", "theirs"}));
  // A table that does not persist cannot be taken over; it is used as it is.
  Kernel other({});
  EXPECT_TRUE(other.readBack());
  EXPECT_FALSE(other.owned());
  commit(other, {"kpol", {AddCounter{"mine"}}});
  EXPECT_TRUE(nftSucceeds({"delete", "table", "inet", "kpol"}));
  EXPECT_FALSE(other.readBack());
}

TEST_F(KernelOwnership, EndsWithTheTable) {
  Kernel kernel({});
  commit(kernel, table());
  commit(kernel, {"kpol", {DeleteTable{}}});
  EXPECT_FALSE(kernel.owned());
  EXPECT_FALSE(kernel.readBack());
  commit(kernel, {"kpol", {AddTable{}}});
  EXPECT_TRUE(kernel.owned());
  commit(kernel, {"kpol", {DeleteTable{}, AddTable{}, AddCounter{"mine"}}});
  EXPECT_TRUE(kernel.owned());
}

TEST_F(KernelOwnership, TheTableHasItsOwnName) {
  Kernel kernel({.table = "kpol-two"});
  commit(kernel, {"kpol-two", {AddTable{}, AddChain{"c", {}}}});
  Ruleset expected;
  expected.table = "kpol-two";
  expected.add(Chain{"c", {}, {}});
  EXPECT_EQ(kernel.readBack(), expected);
  EXPECT_FALSE(Kernel({}).readBack());
  commit(kernel, {"kpol-two", {DeleteTable{}}});
}

// Objects that a person added to an unowned table and that this version cannot decode are read as
// objects that no compiled ruleset contains.
TEST_F(KernelOwnership, ThirdPartyObjectsNeverEqualOurs) {
  Kernel kernel({.own = false});
  Ruleset expected;
  expected.add(test::forwardChain());
  commit(kernel, expected);
  test::nftOutput({"-f", "-"},
                  "add set inet kpol macs { type ether_addr; elements = { 02:00:00:00:00:01 }; }\n"
                  "add set inet kpol slow { type ipv4_addr; flags timeout; }\n"
                  "add rule inet kpol forward ip ttl 5 accept\n"
                  "add rule inet kpol forward ip saddr { 10.0.0.1, 10.0.0.2 } accept\n"
                  "add rule inet kpol forward meta mark set 1\n"
                  "add rule inet kpol forward limit rate 1/second\n");
  const auto back = kernel.readBack();
  ASSERT_TRUE(back);
  EXPECT_EQ(back->sets.size(), 2U);
  for (const auto& [name, set] : back->sets) EXPECT_TRUE(set.key.empty()) << name;
  const auto& rules = back->chains.at("forward").rules;
  ASSERT_EQ(rules.size(), 4U);
  for (const Rule& rule : rules)
    EXPECT_TRUE(std::ranges::any_of(rule.statements, [](const Statement& statement) {
      return std::holds_alternative<UnknownStatement>(statement);
    }));
  commit(kernel, diff(back, expected));
  EXPECT_EQ(kernel.readBack(), expected);
}

}  // namespace
}  // namespace kpol::nft
