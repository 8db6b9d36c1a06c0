// SPDX-License-Identifier: Apache-2.0
// If the kernel rejects a change, nothing changes, and the outcome names the change.
#include "nft/kernel.hpp"
#include "tests/nft/kernel_fixture.hpp"
#include "tests/nft/rule_cases.hpp"
#include "tests/nft/values.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <cerrno>

namespace kpol::nft {
namespace {

using test::accept;
using test::ip;
using test::jump;

std::vector<Element> addresses(std::size_t count) {
  std::vector<Element> elements;
  for (Key next = ip("10.0.0.0"); elements.size() < count;) {
    elements.push_back(element(next));
    std::array<std::uint8_t, 4> bytes;
    std::ranges::copy(next.bytes(), bytes.begin());
    for (std::size_t i = bytes.size(); i-- > 0 && ++bytes[i] == 0;) {
    }
    next = Key(bytes);
  }
  return elements;
}

class KernelRejection : public test::KernelTest {
 protected:
  void SetUp() override {
    table_ = test::tableForRuleCases();
    table_.sets["members"].elements = addresses(4);
    table_.sets["blocks"].elements = {range(ip("10.0.0.0"), ip("10.0.0.255")),
                                      range(ip("10.0.2.0"), ip("10.0.2.255"))};
    Set small;
    small.name = "small";
    small.key = {DataType::Ipv4Addr};
    small.size = 8;
    table_.add(small);
    table_.add(Chain{"first", {}, {{{jump("second")}, {}}}});
    table_.add(Chain{"second", {}, {}});
    table_.chains["forward"].rules = {{{jump("first")}, {}}};
    kernel_.emplace(Kernel::Options{});
    test::commit(*kernel_, table_);
  }
  void TearDown() override {
    EXPECT_EQ(kernel_->readBack(), table_);
    kernel_.reset();
    KernelTest::TearDown();
  }

  // Expects the refusal of the change `index`.
  void check(std::vector<Change> changes, std::size_t index, int code, const std::string& message) {
    SCOPED_TRACE(message);
    const Rejected rejected = test::refuse(*kernel_, std::move(changes));
    EXPECT_EQ(rejected.change, index);
    EXPECT_EQ(rejected.code, code);
    EXPECT_EQ(rejected.message, message);
    EXPECT_EQ(kernel_->readBack(), table_);
  }

  Ruleset table_;
  std::optional<Kernel> kernel_;
};

TEST_F(KernelRejection, NamesTheRejectedChange) {
  check({AddCounter{"new"}, AddRule{"other", {{jump("nowhere")}, {}}}, AddCounter{"newer"}}, 1,
        ENOENT, "add rule inet kpol other jump nowhere: No such file or directory");
  check({AddChain{"new", {}}, AddRule{"nowhere", {{accept()}, {}}}}, 1, ENOENT,
        "add rule inet kpol nowhere accept: No such file or directory");
  check({AddCounter{"denied"}}, 0, EEXIST, "add counter inet kpol denied: File exists");
  check({AddChain{"other", {}}}, 0, EEXIST, "add chain inet kpol other: File exists");
  check({AddTable{}}, 0, EEXIST, "add table inet kpol: File exists");
  check({DeleteCounter{"nowhere"}}, 0, ENOENT,
        "delete counter inet kpol nowhere: No such file or directory");
  check({AddCounter{"new"}, DeleteChain{"second"}}, 1, EBUSY,
        "delete chain inet kpol second: Device or resource busy");
  check({DeleteSet{"nowhere"}}, 0, ENOENT,
        "delete set inet kpol nowhere: No such file or directory");
  check({FlushChain{"nowhere"}}, 0, ENOENT,
        "flush chain inet kpol nowhere: No such file or directory");
}

TEST_F(KernelRejection, NamesTheFirstOfSeveral) {
  check({AddCounter{"new"}, DeleteCounter{"nowhere"}, AddCounter{"denied"}}, 1, ENOENT,
        "delete counter inet kpol nowhere: No such file or directory");
}

TEST_F(KernelRejection, NamesTheElement) {
  check({AddElements{"members", {element(ip("10.0.0.9")), element(ip("10.0.0.2"))}}}, 0, EEXIST,
        "add element inet kpol members { 10.0.0.2 }: File exists");
  check({DeleteElements{"members", {element(ip("10.0.0.1")), element(ip("10.0.0.9"))}}}, 0, ENOENT,
        "delete element inet kpol members { 10.0.0.9 }: No such file or directory");
  check({AddElements{"blocks",
                     {range(ip("10.0.1.0"), ip("10.0.1.255")), element(ip("10.0.2.7")),
                      element(ip("10.0.9.0"))}}},
        0, EEXIST, "add element inet kpol blocks { 10.0.2.7 }: File exists");
  check({AddElements{
            "dispatch",
            {element(ip("10.0.0.1"), jump("other")), element(ip("10.0.0.2"), jump("nowhere"))}}},
        0, ENOENT,
        "add element inet kpol dispatch { 10.0.0.2 : jump nowhere }: No such file or directory");
}

// In the second message of a change too.
TEST_F(KernelRejection, NamesTheElementAmongThousands) {
  std::vector<Element> many = addresses(20000);
  many.erase(many.begin(), many.begin() + 4);
  many.insert(many.begin() + 10000, element(ip("10.0.0.2")));
  check({AddElements{"members", many}}, 0, EEXIST,
        "add element inet kpol members { 10.0.0.2 }: File exists");
}

TEST_F(KernelRejection, RejectsMoreElementsThanTheSize) {
  const Rejected rejected =
      test::refuse(*kernel_, {AddCounter{"new"}, AddElements{"small", addresses(9)}});
  EXPECT_EQ(rejected.change, 1U);
  EXPECT_EQ(rejected.code, ENFILE);
}

// Linux reports a loop as too many jumps (EMLINK), older versions as ELOOP.
TEST_F(KernelRejection, RejectsLoops) {
  const Rejected rejected =
      test::refuse(*kernel_, {AddCounter{"new"}, AddRule{"second", {{jump("first")}, {}}}});
  EXPECT_EQ(rejected.change, 1U);
  EXPECT_TRUE(rejected.code == EMLINK || rejected.code == ELOOP) << rejected.message;
}

TEST_F(KernelRejection, AcceptsTheNextChangeAfterARejection) {
  test::refuse(*kernel_, {AddCounter{"new"}, AddCounter{"denied"}});
  test::commit(*kernel_, {"kpol", {AddCounter{"new"}}});
  table_.counters.insert("new");
}

// The first refusals fit into the receive buffer; that others were dropped does not matter.
TEST_F(KernelRejection, ToleratesMoreErrorsThanTheSocketBuffers) {
  const int smallest = 1;
  ASSERT_EQ(::setsockopt(kernel_->fd(), SOL_SOCKET, SO_RCVBUF, &smallest, sizeof smallest), 0);
  std::vector<Change> changes{AddCounter{"new"}};
  for (int i = 0; i < 500; ++i) changes.emplace_back(DeleteCounter{"nowhere"});
  check(changes, 1, ENOENT, "delete counter inet kpol nowhere: No such file or directory");
}

TEST(KernelWithoutTable, RejectsChanges) {
  Kernel kernel({});
  const Rejected rejected = test::refuse(kernel, {AddCounter{"new"}});
  EXPECT_EQ(rejected.change, 0U);
  EXPECT_EQ(rejected.code, ENOENT);
  EXPECT_FALSE(kernel.readBack());
}

}  // namespace
}  // namespace kpol::nft
