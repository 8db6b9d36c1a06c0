// SPDX-License-Identifier: Apache-2.0
// Sets and batches of the sizes that clusters have.
#include "nft/diff.hpp"
#include "nft/kernel.hpp"
#include "tests/nft/kernel_fixture.hpp"
#include "tests/nft/values.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <stop_token>
#include <thread>

namespace kpol::nft {
namespace {

using test::commit;

constexpr std::size_t kMany = 100000;

Key address(std::size_t number) {
  const std::array bytes{std::uint8_t{10}, static_cast<std::uint8_t>(number >> 16U),
                         static_cast<std::uint8_t>(number >> 8U),
                         static_cast<std::uint8_t>(number)};
  return Key(bytes);
}

// A table with a set, an interval set and a verdict map of `count` elements each.
Ruleset largeTable(std::size_t count) {
  Ruleset table;
  table.add(Chain{"other", {}, {}});
  Set exact;
  exact.name = "exact";
  exact.key = {DataType::Ipv4Addr};
  exact.size = 1U << 17U;
  Set blocks = exact;
  blocks.name = "blocks";
  blocks.interval = true;
  blocks.size.reset();
  Set dispatch = exact;
  dispatch.name = "dispatch";
  dispatch.kind = Set::Kind::VerdictMap;
  for (std::size_t i = 0; i < count; ++i) {
    exact.elements.push_back(element(address(i)));
    blocks.elements.push_back(range(address(i * 4), address(i * 4 + 2)));
    dispatch.elements.push_back(element(address(i), test::goTo("other")));
  }
  for (Set* set : {&exact, &blocks, &dispatch}) table.add(std::move(*set));
  table.add(test::forwardChain({{{test::in({Field::IpSaddr}, "exact"), test::accept()}, {}},
                                {{test::in({Field::IpSaddr}, "blocks"), test::accept()}, {}}}));
  return table;
}

class KernelLarge : public test::KernelTest {};

// The list of elements is an attribute whose length has 16 bits.
TEST_F(KernelLarge, EveryElementArrives) {
  const Ruleset table = largeTable(kMany);
  Kernel kernel({});
  const auto outcome = kernel.commit(diff(std::nullopt, table));
  ASSERT_TRUE(std::holds_alternative<Committed>(outcome)) << std::get<Rejected>(outcome).message;
  EXPECT_EQ(std::get<Committed>(outcome).batches, 1U);
  const auto back = kernel.readBack();
  ASSERT_TRUE(back);
  for (const auto& [name, set] : table.sets)
    EXPECT_TRUE(back->sets.at(name) == set) << name << ": " << back->sets.at(name).elements.size();
  EXPECT_TRUE(*back == table);
}

TEST_F(KernelLarge, EveryElementIsDeleted) {
  Ruleset table = largeTable(20000);
  Kernel kernel({});
  commit(kernel, diff(std::nullopt, table));
  Ruleset half = table;
  for (auto& [name, set] : half.sets)
    set.elements.erase(set.elements.begin(), set.elements.end() - 9);
  commit(kernel, diff(table, half));
  EXPECT_EQ(kernel.readBack(), half);
  commit(kernel, {"kpol", {FlushSet{"exact"}, FlushSet{"blocks"}, FlushSet{"dispatch"}}});
  for (auto& [name, set] : half.sets) set.elements.clear();
  EXPECT_EQ(kernel.readBack(), half);
}

TEST_F(KernelLarge, SplitsTooLargeBatches) {
  const Ruleset table = largeTable(20000);
  Kernel kernel({.maxBatchBytes = 256U << 10U});
  const auto outcome = kernel.commit(diff(std::nullopt, table));
  ASSERT_TRUE(std::holds_alternative<Committed>(outcome)) << std::get<Rejected>(outcome).message;
  EXPECT_GT(std::get<Committed>(outcome).batches, 3U);
  EXPECT_EQ(kernel.batchesSent(), std::get<Committed>(outcome).batches);
  EXPECT_TRUE(kernel.owned());
  EXPECT_TRUE(kernel.readBack() == table);
  // A change of what exists is never split.
  Ruleset fewer = table;
  for (auto& [name, set] : fewer.sets) set.elements.resize(1);
  const auto whole = kernel.commit(diff(table, fewer));
  EXPECT_EQ(std::get<Committed>(whole).batches, 1U);
  EXPECT_EQ(kernel.readBack(), fewer);
}

// The refusal of a split commit names the change and the element of the whole.
TEST_F(KernelLarge, NamesTheRejectedChangeInALaterBatch) {
  Ruleset table = largeTable(20000);
  ChangeSet changes = diff(std::nullopt, table);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < changes.changes.size(); ++i) {
    auto* added = std::get_if<AddElements>(&changes.changes[i]);
    if (added == nullptr || added->set != "exact") continue;
    refused = i;
    added->elements.push_back(element(address(7)));
  }
  Kernel kernel({.maxBatchBytes = 64U << 10U});
  const auto outcome = kernel.commit(changes);
  const auto& rejected = std::get<Rejected>(outcome);
  EXPECT_EQ(rejected.change, refused);
  EXPECT_EQ(rejected.message, "add element inet kpol exact { 10.0.0.7 }: File exists");
  EXPECT_GT(kernel.batchesSent(), 1U);
  // What went before stays, where no packet meets it, and the caller reads it back.
  const auto back = kernel.readBack();
  ASSERT_TRUE(back);
  for (const auto& [name, chain] : back->chains) EXPECT_FALSE(chain.base) << name;
  commit(kernel, table);
  EXPECT_TRUE(kernel.readBack() == table);
}

TEST_F(KernelLarge, ManySmallSetsAndChains) {
  Ruleset table;
  for (std::size_t i = 0; i < 2000; ++i) {
    Set set;
    set.name = "set" + std::to_string(i);
    set.key = {DataType::Ipv4Addr};
    set.elements = {element(address(i))};
    Rule rule{{test::in({Field::IpSaddr}, set.name), test::drop()}, "rule of " + set.name};
    table.add(Chain{"chain" + std::to_string(i), {}, {rule}});
    table.add(std::move(set));
  }
  Kernel kernel({});
  commit(kernel, diff(std::nullopt, table));
  EXPECT_TRUE(kernel.readBack() == table);
}

// Another table that changes all the time, as kube-proxy's does.
class Bystander {
 public:
  Bystander() : thread_([this](std::stop_token stop) { run(stop); }) {}

 private:
  void run(const std::stop_token& stop) {
    Kernel kernel({.table = "bystander"});
    kernel.commit({"bystander", {AddTable{}}});
    while (!stop.stop_requested()) {
      kernel.commit({"bystander", {AddCounter{"turn"}}});
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
      kernel.commit({"bystander", {DeleteCounter{"turn"}}});
    }
    kernel.commit({"bystander", {DeleteTable{}}});
  }
  std::jthread thread_;
};

TEST_F(KernelLarge, AnOwnedTableIsReadWhileOthersChange) {
  const Ruleset table = largeTable(100);
  Kernel kernel({});
  commit(kernel, diff(std::nullopt, table));
  const Bystander bystander;
  for (int i = 0; i < 50; ++i) ASSERT_EQ(kernel.readBack(), table);
}

// Never a mixture of two generations: the right table, or the admission that it could not be read.
TEST_F(KernelLarge, UnownedTableIsReadAtOneGeneration) {
  const Ruleset table = largeTable(100);
  Kernel kernel({.own = false});
  commit(kernel, diff(std::nullopt, table));
  const Bystander bystander;
  for (int i = 0; i < 50; ++i) {
    try {
      ASSERT_EQ(kernel.readBack(), table);
    } catch (const KernelError& error) {
      ASSERT_EQ(error.code(), EAGAIN) << error.what();
    }
  }
}

}  // namespace
}  // namespace kpol::nft
