// SPDX-License-Identifier: Apache-2.0
// Processes that allocate and free at the same time, and processes killed while they do.
#include "plugin/ipam.hpp"
#include "tests/plugin/requests.hpp"
#include "tests/plugin/temporary_directory.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <random>
#include <set>
#include <thread>

namespace kpol::plugin {
namespace {

using base::IpAddress;
using test::requestFor;
using test::TemporaryDirectory;

class Ipam : public testing::Test {
 protected:
  [[nodiscard]] Request request(const std::string& id) const {
    return requestFor(id, R"({"cniVersion":"1.0.0","name":"pods","stateDir":")" +
                              directory_.path() + R"(","ipam":{"type":"kpol",
                              "ranges":[["10.0.0.0/22"],["fd00::/118"]]}})");
  }

  // Runs `work` in a process of its own, which ends with 0 unless it throws.
  template <typename Work>
  static pid_t spawn(Work work) {
    const pid_t pid = ::fork();
    if (pid != 0) return pid;
    int status = 0;
    try {
      work();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "%s\n", error.what());
      status = 1;
    }
    ::_exit(status);
  }

  static int wait(pid_t pid) {
    int status = 0;
    EXPECT_EQ(::waitpid(pid, &status, 0), pid);
    return status;
  }

  [[nodiscard]] std::map<conf::AttachmentId, ipam::Lease> leases() const {
    return ipam::LeaseStore::open(directory_.path()).leases();
  }

  void expectNoAddressTwice() const {
    std::set<IpAddress> seen;
    for (const auto& [id, lease] : leases()) {
      EXPECT_EQ(lease.addresses.size(), 2U);
      for (const auto& address : lease.addresses)
        EXPECT_TRUE(seen.insert(address).second) << toString(address) << " is assigned twice";
    }
  }

  TemporaryDirectory directory_;
};

TEST_F(Ipam, EightProcessesNeverGetTheSameAddress) {
  constexpr int kProcesses = 8;
  constexpr int kRounds = 40;
  std::vector<pid_t> children;
  for (int p = 0; p < kProcesses; ++p)
    children.push_back(spawn([&] {
      for (int i = 0; i < kRounds; ++i) {
        const auto id = "p" + std::to_string(p) + "-" + std::to_string(i);
        (void)assign(request(id));
        if (i % 4 == 3) release(request(id));
      }
    }));
  for (const pid_t child : children) EXPECT_EQ(wait(child), 0);
  EXPECT_EQ(leases().size(), std::size_t{kProcesses * kRounds * 3 / 4});
  expectNoAddressTwice();
}

// Where a worker is, in memory it shares with the test.
struct Progress {
  std::atomic<int> begun{-1};
  std::atomic<int> assigned{-1};
};

class SharedProgress {
 public:
  SharedProgress()
      : memory_(::mmap(nullptr, sizeof(Progress), PROT_READ | PROT_WRITE,
                       MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::runtime_error("mmap");
    progress_ = ::new (memory_) Progress;
  }
  SharedProgress(const SharedProgress&) = delete;
  SharedProgress& operator=(const SharedProgress&) = delete;
  ~SharedProgress() { ::munmap(memory_, sizeof(Progress)); }
  Progress* operator->() const { return progress_; }

 private:
  void* memory_;
  Progress* progress_;
};

TEST_F(Ipam, KillAtAnyTimeLosesAndDuplicatesNothing) {
  constexpr unsigned kSeed = 20240607;
  constexpr int kKills = 120;
  std::mt19937 random(kSeed);
  const SharedProgress progress;
  std::size_t kept = 0;
  for (int round = 0; round < kKills; ++round) {
    const auto name = [round](int i) {
      return "r" + std::to_string(round) + "-" + std::to_string(i);
    };
    progress->begun = progress->assigned = -1;
    // With each new address it frees the previous one.
    const pid_t worker = spawn([&] {
      for (int i = 0; i < 100000; ++i) {
        progress->begun = i;
        (void)assign(request(name(i)));
        progress->assigned = i;
        if (i > 0) release(request(name(i - 1)));
      }
    });
    std::this_thread::sleep_for(std::chrono::microseconds(500 + random() % 12000));
    ::kill(worker, SIGKILL);
    ASSERT_TRUE(WIFSIGNALED(wait(worker)));

    // An address that was returned to it is recorded, even if the process did not read that it may
    // use it.
    const int assigned = progress->assigned;
    const int begun = progress->begun;
    if (assigned >= 0) {
      EXPECT_TRUE(leases().contains({name(assigned), "eth0"})) << "seed " << kSeed;
    }
    expectNoAddressTwice();
    // The runtime deletes everything that it had started and not finished; nothing else may exist.
    for (int i = std::max(0, assigned - 1); i <= begun; ++i)
      if (i != assigned) release(request(name(i)));
    if (assigned >= 0) ++kept;
    ASSERT_EQ(leases().size(), kept) << "round " << round << " seed " << kSeed;
  }
  EXPECT_GT(kept, std::size_t{kKills / 4}) << "killed too early to prove anything";
}

}  // namespace
}  // namespace kpol::plugin
