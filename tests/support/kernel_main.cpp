// SPDX-License-Identifier: Apache-2.0
// The main of kernel tests: the whole program runs in a network namespace of its own (and a mount
// namespace, so that what a test mounts is gone with it), with the loopback device up.
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
  // Otherwise a mount made by a test would show up in the namespace the process came from.
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
    return failure("mount(/, MS_PRIVATE)");
  return bringLoopbackUp();
}

// A skip must be seen and counted: one line in a fixed form, with the number of tests not run.
int skipAll(const std::string& reason) {
  std::printf("[  SKIPPED ] %d tests, no private namespaces: %s\n",
              testing::UnitTest::GetInstance()->total_test_count(), reason.c_str());
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  // Listing needs no kernel.
  if (GTEST_FLAG_GET(list_tests)) return RUN_ALL_TESTS();
  const std::string error = enterFreshNamespaces();
  if (error.empty()) return RUN_ALL_TESTS();
  const char* required = std::getenv("KPOL_REQUIRE_KERNEL");
  if (required == nullptr || std::string(required) != "1") return skipAll(error);
  std::fprintf(stderr, "KPOL_REQUIRE_KERNEL=1, but the tests cannot run: %s\n", error.c_str());
  return EXIT_FAILURE;
}
