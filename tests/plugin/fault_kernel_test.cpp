// SPDX-License-Identifier: Apache-2.0
// Kills ADD, DEL and GC at every system call, and makes every system call fail, by ptrace(2). The
// calls are those of this build of the plugin, so new calls are included. After each fault DEL or
// GC must leave nothing, and the one free address must be free.
#include "ipam/lease_store.hpp"
#include "tests/control/unix_server.hpp"
#include "tests/plugin/plugin_node.hpp"
#include "tests/support/traced.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>

namespace kpol::test {
namespace {

using Moment = FaultPoint::Moment;

const char* momentText(Moment moment) {
  return moment == Moment::Entry ? "before " : "after ";
}

// The file of the call's first argument, a descriptor; "" if there is none.
std::string fileOf(const TracedCall& call) {
  std::error_code error;
  return std::filesystem::read_symlink(
             "/proc/" + std::to_string(call.pid) + "/fd/" + std::to_string(call.arguments[0]),
             error)
      .string();
}

// The sanitizers check whether memory is readable by writing it into a pipe, and abort if that
// fails in an unexpected way. The plugin itself has no pipes here.
bool isOfSanitizer(const TracedCall& call) {
  return fileOf(call).starts_with("pipe:");
}

// Whether the call may fail at all. close(2) never leaves a descriptor open.
bool canFail(const TracedCall& call) {
  const std::string_view name = call.name();
  if (name == "write" && isOfSanitizer(call)) return false;
  return name != "close" && name != "close_range";
}

// A thread that cannot leave the pod's namespace aborts, as if killed.
constexpr const char* kNoWayBack = "cannot return to the previous network namespace";

// The sysctls of the host interface without which the pod could forge source addresses or change
// the node's routes, with the values that ADD sets.
const std::map<std::string, std::string>& hardening() {
  static const std::map<std::string, std::string> all{{"ipv4/conf/@/rp_filter", "1"},
                                                      {"ipv4/conf/@/accept_redirects", "0"},
                                                      {"ipv6/conf/@/accept_ra", "0"},
                                                      {"ipv6/conf/@/accept_redirects", "0"}};
  return all;
}

std::string pathOf(std::string sysctl, const std::string& link) {
  sysctl.replace(sysctl.find('@'), 1, link);
  return "/proc/sys/net/" + sysctl;
}

// Those that are not set.
std::string notHardened(const base::IfName& hostEnd) {
  std::string text;
  for (const auto& [sysctl, expected] : hardening()) {
    const auto path = pathOf(sysctl, hostEnd.text());
    std::string value;
    std::ifstream(path) >> value;
    if (value != expected) text += path + "=" + value + " ";
  }
  return text;
}

// New links have values that ADD must change, whatever this machine's defaults are.
void softenNewLinks() {
  for (const auto& [sysctl, hardened] : hardening())
    std::ofstream(pathOf(sysctl, "default")) << (hardened == "0" ? "1" : "0");
}

bool writesTo(const TracedCall& call, const std::string& path) {
  return !call.isExit && std::string_view(call.name()) == "write" && fileOf(call) == path;
}

class Faults : public PluginNode {
 protected:
  Faults() {
    softenNewLinks();
    add("kept", config_);
    kept_ = all();
    keptIp_ = ipam::readLeases(directory_.path()).leases.begin()->second.addresses.front();
  }
  ~Faults() override { del("kept", config_); }

  ProcessResult traced(const std::string& command, const std::string& id, const Watch& watch) {
    const auto text = command == "GC" ? gcConfig_ : config_;
    return runTraced({KPOL_BINARY}, text, environmentFor(command, id), watch);
  }

  // ADD must fail and leave nothing if the sysctl at `path` cannot be written.
  void addMustFailWithout(const std::string& path, const std::string& id,
                          const std::string& config) {
    FaultPoint point(0, Moment::Entry, {Interference::Fail, EACCES},
                     [&](const TracedCall& call) { return writesTo(call, path); });
    const auto result =
        runTraced({KPOL_BINARY}, config, environmentFor("ADD", id), std::ref(point));
    EXPECT_TRUE(point.reached()) << path << " is not written";
    EXPECT_EQ(result.status, 1) << path << ": " << result.out << result.err;
    EXPECT_THAT(result.out, testing::HasSubstr(path.substr(sizeof "/proc/sys/" - 1)));
    EXPECT_EQ(left(), "") << "not undone: ADD failed at " << path;
    EXPECT_EQ(call("DEL", id, config).status, 0);
    removePodNamespace(id);
  }

  // What there is on the node, one a line.
  std::string all() const {
    netlink::RouteSocket node;
    std::string text;
    for (const auto& link : node.links())
      if (link.name.text() != "lo") text += "link " + link.name.text() + "\n";
    for (const auto& route : node.routes()) text += "route " + toString(route.destination) + "\n";
    for (const auto& neighbour : node.neighbours())
      text += "neighbour " + toString(neighbour.address) + "\n";
    const auto book = ipam::readLeases(directory_.path());
    for (const auto& [id, lease] : book.leases) text += "lease " + id.containerId + "\n";
    for (const auto& departure : book.departures)
      text += "departure " + departure.lease.id.containerId + "\n";
    return text;
  }

  // What there is more or less than the kept pod; what DEL has left to be settled is waited for.
  std::string left() const {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (all() != kept_) {
      if (std::chrono::steady_clock::now() > deadline) return all();
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    return "";
  }

  // Calls `round` with the number of the fault point until one returns that it was not reached;
  // returns the number of reached ones.
  template <class Round>
  static std::size_t visitAll(Round round) {
    constexpr std::size_t kFarTooMany = 2000;
    for (std::size_t at = 0; at < kFarTooMany; ++at)
      if (!round(at) || testing::Test::HasFailure()) return at;
    ADD_FAILURE() << "never done";
    return 0;
  }

  UnixServer kpold_{UnixServer::answering(200, R"({"generation":1})")};
  // Two addresses, one of them used by the kept pod: a leaked lease makes the next ADD fail.
  const std::string config_ = smallConfig("1.0.0", "");
  const std::string gcConfig_ = smallConfig(
      "1.1.0", R"(,"cni.dev/valid-attachments":[{"containerID":"kept","ifname":"eth0"}])");
  std::string kept_;
  base::IpAddress keptIp_;

  std::string smallConfig(const std::string& version, const std::string& more,
                          Families families = Families::V4) const {
    // kpold runs and responds, so that these system calls are included.
    auto text = config(families, more, version);
    text.replace(text.find("10.244.1.0/24"), 13, "10.244.1.0/30");
    text.replace(text.find("\"policy\":\"none\""), 15,
                 R"("policy":"required","policyTimeout":5,"socket":")" + kpold_.path() + "\"");
    return text;
  }
};

TEST_F(Faults, DelOrGcUndoesAnAddKilledAnywhere) {
  std::size_t visited = 0;
  for (const auto moment : {Moment::Entry, Moment::Exit})
    visited += visitAll([&](std::size_t at) {
      const auto id = "k" + std::to_string(at);
      FaultPoint point(at, moment, {Interference::Kill, 0}, changesTheWorld);
      const auto result = traced("ADD", id, std::ref(point));
      EXPECT_EQ(result.status, point.reached() ? 128 + SIGKILL : 0) << result.out << result.err;
      const auto lease = ipam::readLeases(directory_.path()).leases;
      if (const auto found = lease.find({id, "eth0"}); found != lease.end()) {
        EXPECT_NE(found->second.addresses.front(), keptIp_);
      }
      const auto* undo = at % 2 == 0 || !point.reached() ? "DEL" : "GC";
      const auto undone = call(undo, id, undo[0] == 'G' ? gcConfig_ : config_);
      EXPECT_EQ(undone.status, 0) << undone.out;
      EXPECT_EQ(left(), "") << undo << " after ADD killed " << momentText(moment) << at << ", "
                            << point.where();
      removePodNamespace(id);
      return point.reached();
    });
  RecordProperty("visited", static_cast<int>(visited));
  EXPECT_GT(visited, 100U);
}

TEST_F(Faults, DelOrGcCompletesADelKilledAnywhere) {
  std::size_t visited = 0;
  for (const auto moment : {Moment::Entry, Moment::Exit})
    visited += visitAll([&](std::size_t at) {
      const auto id = "k" + std::to_string(at);
      add(id, config_);
      // The calls of the process that settles behind DEL are among them.
      FaultPoint point(at, moment, {Interference::Kill, 0}, changesTheWorld);
      traced("DEL", id, std::ref(point));
      const auto* undo = at % 2 == 0 ? "DEL" : "GC";
      std::string said;
      if (point.reached()) {
        const auto undone = call(undo, id, undo[0] == 'G' ? gcConfig_ : config_);
        EXPECT_EQ(undone.status, 0) << undone.out;
        said = undone.err;
      }
      EXPECT_EQ(left(), "") << undo << " after DEL killed " << momentText(moment) << at << ", "
                            << point.where() << ": " << said;
      removePodNamespace(id);
      return point.reached();
    });
  EXPECT_GT(visited, 100U);
}

TEST_F(Faults, GcCompletesAGcKilledAnywhere) {
  std::size_t visited = visitAll([&](std::size_t at) {
    const auto id = "k" + std::to_string(at);
    add(id, config_);
    FaultPoint point(at, Moment::Exit, {Interference::Kill, 0}, changesTheWorld);
    traced("GC", id, std::ref(point));
    if (point.reached()) {
      EXPECT_EQ(call("GC", id, gcConfig_).status, 0);
    }
    EXPECT_EQ(left(), "") << "GC after GC killed after " << at << ", " << point.where();
    removePodNamespace(id);
    return point.reached();
  });
  EXPECT_GT(visited, 50U);
}

TEST_F(Faults, AddRollsBackWhereverTheKernelFails) {
  std::size_t visited = 0;
  for (const int error : {ENOMEM, EIO})
    visited += visitAll([&](std::size_t at) {
      const auto id = "f" + std::to_string(at);
      bool ofStdout = false;
      FaultPoint point(at, Moment::Entry, {Interference::Fail, error}, canFail);
      const auto result = traced("ADD", id, [&](const TracedCall& call) {
        const bool before = point.reached();
        const auto decision = point(call);
        if (!before && point.reached() && std::string_view(call.name()) == "write")
          ofStdout = call.arguments[0] == 1;
        return decision;
      });
      const auto where = std::to_string(at) + ", " + point.where() + ": " + result.out + result.err;
      if (result.status == 0) {
        EXPECT_NO_THROW((void)conf::parseResult(result.out, "result")) << where;
        EXPECT_EQ(notHardened(hostEnd(id)), "") << where;
      } else if (result.status == 128 + SIGABRT) {
        EXPECT_THAT(result.err, testing::HasSubstr(kNoWayBack));
      } else {
        EXPECT_EQ(result.status, 1) << where;
        // DEL has to undo an ADD whose result could not be returned.
        if (!ofStdout) {
          EXPECT_NO_THROW((void)conf::parseError(result.out)) << where;
          EXPECT_EQ(left(), "") << "not undone: ADD failed at " << where;
        }
      }
      EXPECT_EQ(call("DEL", id, config_).status, 0) << where;
      EXPECT_EQ(left(), "") << "DEL after ADD failed at " << where;
      removePodNamespace(id);
      return point.reached();
    });
  EXPECT_GT(visited, 120U);
}

TEST_F(Faults, AddFailsIfAHardeningSysctlCannotBeWritten) {
  const auto dual = smallConfig("1.0.0", "", Families::Dual);
  int number = 0;
  for (const auto& [sysctl, value] : hardening()) {
    const auto id = "h" + std::to_string(number++);
    addMustFailWithout(pathOf(sysctl, hostEnd(id).text()), id, dual);
  }
  addMustFailWithout("/proc/sys/net/ipv6/conf/eth0/accept_ra", "pod", dual);
}

TEST_F(Faults, DelThatFailsCanBeRepeated) {
  std::size_t visited = 0;
  for (const int error : {ENOMEM, EIO})
    visited += visitAll([&](std::size_t at) {
      const auto id = "f" + std::to_string(at);
      add(id, config_);
      FaultPoint point(at, Moment::Entry, {Interference::Fail, error}, canFail);
      const auto result = traced("DEL", id, std::ref(point));
      const auto where = std::to_string(at) + ", " + point.where() + ": " + result.out + result.err;
      if (result.status == 1) {
        EXPECT_NO_THROW((void)conf::parseError(result.out)) << where;
      } else if (result.status != 0) {
        EXPECT_EQ(result.status, 128 + SIGABRT) << where;
        EXPECT_THAT(result.err, testing::HasSubstr(kNoWayBack));
      }
      if (point.reached()) {
        const auto again = call("DEL", id, config_);
        EXPECT_EQ(again.status, 0) << where << again.out;
      }
      EXPECT_EQ(left(), "") << "DEL after DEL failed at " << where;
      removePodNamespace(id);
      return point.reached();
    });
  EXPECT_GT(visited, 100U);
}

TEST_F(Faults, AnInterruptedCallIsRepeated) {
  visitAll([&](std::size_t at) {
    const auto id = "i" + std::to_string(at);
    FaultPoint point(at, Moment::Entry, {Interference::Fail, EINTR}, [](const TracedCall& call) {
      const std::string_view name = call.name();
      const bool ofRuntime =
          (name == "read" && call.arguments[0] == 0) || (name == "write" && call.arguments[0] == 1);
      return ofRuntime || name == "poll" || name == "sendto" || name == "recvfrom" ||
             name == "sendmsg" || name == "recvmsg" || name == "pread64" || name == "flock" ||
             name == "connect";
    });
    const auto result = traced("ADD", id, std::ref(point));
    EXPECT_EQ(result.status, 0) << at << ", " << point.where() << ": " << result.out;
    EXPECT_EQ(call("DEL", id, config_).status, 0);
    EXPECT_EQ(left(), "");
    removePodNamespace(id);
    return point.reached();
  });
}

TEST_F(Faults, NamespaceDeletedDuringAddLeavesNothing) {
  std::size_t visited = visitAll([&](std::size_t at) {
    const auto id = "v" + std::to_string(at);
    bool reached = false;
    FaultPoint point(at, Moment::Exit, {}, changesTheWorld);
    podNamespace(id);
    const auto result = traced("ADD", id, [&](const TracedCall& call) {
      point(call);
      if (point.reached() && !reached) {
        reached = true;
        podNamespace(id).vanish();
      }
      return Decision{};
    });
    EXPECT_LE(result.status, 1) << result.err;
    EXPECT_EQ(call("DEL", id, config_).status, 0);
    EXPECT_EQ(left(), "") << "namespace gone after " << at << ", " << point.where();
    removePodNamespace(id);
    return reached;
  });
  EXPECT_GT(visited, 50U);
}

}  // namespace
}  // namespace kpol::test
