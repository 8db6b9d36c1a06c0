// SPDX-License-Identifier: Apache-2.0
// The main of kernel tests: the whole program runs in a mount namespace of its own, so that what a
// test mounts is gone with it, and each test suite in a new network namespace with the loopback
// device up, so that no suite depends on the links and sysctls that another leaves.
#include <gtest/gtest.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace {

std::string failure(const char* what) {
  return std::string(what) + ": " + std::strerror(errno);
}

std::string bringLoopbackUp() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return failure("socket");
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  const bool failed = ::ioctl(fd, SIOCSIFFLAGS, &request) != 0;
  std::string error = failed ? failure("ioctl(SIOCSIFFLAGS, lo)") : std::string();
  ::close(fd);
  return error;
}

// Empty when the process is now in namespaces of its own, else why not.
std::string enterFreshNamespaces() {
  if (::unshare(CLONE_NEWNET | CLONE_NEWNS) != 0) return failure("unshare(NEWNET|NEWNS)");
  // Otherwise a mount made by a test would be visible in the process's original namespace.
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return failure("mount(/, MS_PRIVATE)");
  return bringLoopbackUp();
}

std::string enterFreshNetwork() {
  if (::unshare(CLONE_NEWNET) != 0) return failure("unshare(NEWNET)");
  return bringLoopbackUp();
}

class NetworkOfEachSuite : public testing::EmptyTestEventListener {
  void OnTestSuiteStart(const testing::TestSuite& suite) override {
    const std::string error = enterFreshNetwork();
    if (error.empty()) return;
    std::fprintf(stderr, "%s: %s\n", suite.name(), error.c_str());
    std::abort();
  }
};

// How many tests this process would run: all, or its shard of them.
int testCount() {
  const int all = testing::UnitTest::GetInstance()->total_test_count();
  const char* total = std::getenv("GTEST_TOTAL_SHARDS");
  const char* index = std::getenv("GTEST_SHARD_INDEX");
  if (total == nullptr || index == nullptr || std::atoi(total) < 1) return all;
  return (all - std::atoi(index) + std::atoi(total) - 1) / std::atoi(total);
}

// A skip must be seen and counted: one line in a fixed form, with the number of tests not run.
int skipAll(const std::string& reason) {
  std::printf("[  SKIPPED ] %d tests, no private namespaces: %s\n", testCount(), reason.c_str());
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  // Listing needs no kernel.
  if (GTEST_FLAG_GET(list_tests)) return RUN_ALL_TESTS();
  const std::string error = enterFreshNamespaces();
  if (error.empty()) {
    testing::UnitTest::GetInstance()->listeners().Append(new NetworkOfEachSuite);
    return RUN_ALL_TESTS();
  }
  const char* required = std::getenv("KPOL_REQUIRE_KERNEL");
  if (required == nullptr || std::string(required) != "1") return skipAll(error);
  std::fprintf(stderr, "KPOL_REQUIRE_KERNEL=1, but the tests cannot run: %s\n", error.c_str());
  return EXIT_FAILURE;
}
