// SPDX-License-Identifier: Apache-2.0
#include "netlink/error.hpp"
#include "netlink/netns.hpp"
#include "tests/netlink/bytes.hpp"
#include "tests/netlink/namespaces.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <thread>

namespace kpol::netlink {
namespace {

TEST(Netns, CurrentIsTheNamespaceOfTheThread) {
  const auto before = Netns::current().id();
  EXPECT_EQ(Netns::current().id(), before);
  EXPECT_NE(makeNetns().id(), before);
  EXPECT_EQ(Netns::current().id(), before);
}

TEST(Netns, HandlesOfOneNamespaceHaveTheSameId) {
  const auto opened = Netns::open("/proc/thread-self/ns/net");
  EXPECT_EQ(opened.id(), Netns::current().id());
  EXPECT_NE(opened.fd(), Netns::current().fd());
}

TEST(Netns, OpensABindMount) {
  const auto netns = makeNetns();
  const std::string file = testing::TempDir() + "kpol-netns-" + std::to_string(::getpid());
  ::close(::open(file.c_str(), O_CREAT | O_RDONLY | O_CLOEXEC, 0600));
  // /proc/self/fd names a descriptor of the process: mount(2) follows it to the namespace.
  const std::string source = "/proc/self/fd/" + std::to_string(netns.fd());
  ASSERT_EQ(::mount(source.c_str(), file.c_str(), nullptr, MS_BIND, nullptr), 0);
  EXPECT_EQ(Netns::open(file).id(), netns.id());
  EXPECT_EQ(::umount2(file.c_str(), MNT_DETACH), 0);
  EXPECT_EQ(::unlink(file.c_str()), 0);
}

TEST(Netns, MissingPathIsASystemError) {
  try {
    Netns::open("/proc/thread-self/ns/none");
    FAIL() << "was opened";
  } catch (const base::SystemError& error) {
    EXPECT_EQ(error.code(), ENOENT);
    EXPECT_NE(std::string(error.what()).find("/proc/thread-self/ns/none"), std::string::npos);
  }
}

class NotANetns : public testing::TestWithParam<const char*> {};

TEST_P(NotANetns, IsRejected) {
  try {
    Netns::open(GetParam());
    FAIL() << "was opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), EINVAL);
    EXPECT_NE(std::string(error.what()).find(GetParam()), std::string::npos);
  }
}

INSTANTIATE_TEST_SUITE_P(All, NotANetns,
                         testing::Values("/proc/thread-self/ns/mnt", "/proc/thread-self/ns/user",
                                         "/dev/null", "/", "/proc/self/status"));

TEST(NetnsGuard, EntersAndReturns) {
  const auto before = Netns::current().id();
  const auto netns = makeNetns();
  {
    const auto inside = netns.enter();
    EXPECT_EQ(Netns::current().id(), netns.id());
  }
  EXPECT_EQ(Netns::current().id(), before);
}

TEST(NetnsGuard, ReturnsOnException) {
  const auto before = Netns::current().id();
  const auto netns = makeNetns();
  const auto fail = [&] {
    const auto inside = netns.enter();
    throw Error("fail", EIO);
  };
  EXPECT_THROW(fail(), Error);
  EXPECT_EQ(Netns::current().id(), before);
}

TEST(NetnsGuard, Nests) {
  const auto outer = makeNetns();
  const auto inner = makeNetns();
  const auto inOuter = outer.enter();
  {
    const auto inInner = inner.enter();
    EXPECT_EQ(Netns::current().id(), inner.id());
  }
  EXPECT_EQ(Netns::current().id(), outer.id());
}

TEST(NetnsGuard, MovesOnlyItsThread) {
  const auto before = Netns::current().id();
  const auto netns = makeNetns();
  std::thread([&] {
    const auto inside = netns.enter();
    EXPECT_EQ(Netns::current().id(), netns.id());
  }).join();
  EXPECT_EQ(Netns::current().id(), before);
}

TEST(NetnsGuardDeathTest, AbortsIfTheThreadCannotReturn) {
  const auto netns = makeNetns();
  const auto loseThePrivilege = [&] {
    const auto inside = netns.enter();
    EXPECT_EQ(::setresuid(65534, 65534, 65534), 0);  // drops CAP_SYS_ADMIN, which setns(2) needs
  };
  EXPECT_DEATH(loseThePrivilege(), "cannot return to the previous network namespace");
}

TEST(NetnsGuard, SocketsStayInTheirNamespace) {
  const auto netns = makeNetns();
  const auto make = [&] {
    const auto inside = netns.enter();
    return RouteSocket();
  };
  auto there = make();
  RouteSocket here;
  EXPECT_FALSE(there.findLink(ifName("lo")).value().up);
  EXPECT_TRUE(here.findLink(ifName("lo")).value().up);
}

}  // namespace
}  // namespace kpol::netlink
