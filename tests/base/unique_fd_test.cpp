// SPDX-License-Identifier: Apache-2.0
#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <type_traits>
#include <utility>

namespace kpol::base {
namespace {

int openDescriptor() {
  return ::open("/dev/null", O_RDONLY | O_CLOEXEC);
}

bool isOpen(int fd) {
  return ::fcntl(fd, F_GETFD) >= 0;
}

static_assert(!std::is_copy_constructible_v<UniqueFd> && !std::is_copy_assignable_v<UniqueFd>);
static_assert(std::is_nothrow_move_constructible_v<UniqueFd>);

TEST(UniqueFd, IsEmptyByDefault) {
  const UniqueFd fd;
  EXPECT_FALSE(fd);
  EXPECT_EQ(fd.value(), -1);
}

TEST(UniqueFd, ClosesAtTheEndOfItsScope) {
  int raw = -1;
  {
    const UniqueFd fd(openDescriptor());
    ASSERT_TRUE(fd);
    raw = fd.value();
    EXPECT_TRUE(isOpen(raw));
  }
  EXPECT_FALSE(isOpen(raw));
}

TEST(UniqueFd, DescriptorZeroIsADescriptor) {
  UniqueFd fd(0);
  EXPECT_TRUE(fd);
  EXPECT_EQ(fd.release(), 0);
}

TEST(UniqueFd, MoveTransfersOwnership) {
  UniqueFd from(openDescriptor());
  const int raw = from.value();
  const UniqueFd to(std::move(from));
  EXPECT_EQ(to.value(), raw);
  EXPECT_EQ(from.value(), -1);  // NOLINT(bugprone-use-after-move): the moved-from state is promised
  EXPECT_TRUE(isOpen(raw));
}

TEST(UniqueFd, MoveAssignmentClosesTheOldDescriptor) {
  UniqueFd target(openDescriptor());
  UniqueFd source(openDescriptor());
  const int old = target.value();
  const int kept = source.value();
  target = std::move(source);
  EXPECT_FALSE(isOpen(old));
  EXPECT_TRUE(isOpen(kept));
  EXPECT_EQ(target.value(), kept);
}

TEST(UniqueFd, SelfMoveKeepsTheDescriptor) {
  UniqueFd fd(openDescriptor());
  UniqueFd& same = fd;
  fd = std::move(same);
  EXPECT_TRUE(isOpen(fd.value()));
}

TEST(UniqueFd, ReleaseReturnsOwnership) {
  int raw = -1;
  {
    UniqueFd fd(openDescriptor());
    raw = fd.release();
    EXPECT_FALSE(fd);
  }
  EXPECT_TRUE(isOpen(raw));
  ::close(raw);
}

TEST(UniqueFd, ResetClosesAndTakesTheNext) {
  UniqueFd fd(openDescriptor());
  const int old = fd.value();
  const int next = openDescriptor();
  fd.reset(next);
  EXPECT_FALSE(isOpen(old));
  EXPECT_EQ(fd.value(), next);
  fd.reset();
  EXPECT_FALSE(isOpen(next));
  EXPECT_FALSE(fd);
}

}  // namespace
}  // namespace kpol::base
