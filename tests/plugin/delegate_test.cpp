// SPDX-License-Identifier: Apache-2.0
#include "plugin/delegate.hpp"

#include "tests/plugin/requests.hpp"
#include "tests/plugin/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <stdlib.h>

#include <filesystem>

namespace kpol::plugin {
namespace {

using conf::CniCommand;
using test::cniErrorOf;
using test::readFile;
using test::requestFor;
using test::TemporaryDirectory;
using test::writeFile;

// A directory of CNI_PATH with one IPAM plugin "fake", a shell script.
class RunIpamPlugin : public testing::Test {
 protected:
  RunIpamPlugin() : sigpipe_(::signal(SIGPIPE, SIG_IGN)) {}  // as main does
  ~RunIpamPlugin() override { ::signal(SIGPIPE, sigpipe_); }

  void install(const std::string& script) {
    const auto path = directory_.file("bin/fake");
    writeFile(path, "#!/bin/sh\n" + script);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }

  [[nodiscard]] Request request(const std::string& more = {}) const {
    auto result =
        requestFor("c1", R"({"cniVersion":"1.0.0","name":"n","ipam":{"type":"fake")" + more + "}}");
    result.env.path = {directory_.file("empty"), directory_.file("bin")};
    return result;
  }

  std::string run(CniCommand command = CniCommand::Add) {
    return runIpamPlugin(request(), command, std::chrono::seconds(20));
  }

  TemporaryDirectory directory_;
  sighandler_t sigpipe_;
};

TEST_F(RunIpamPlugin, PassesTheConfigAndReturnsTheOutput) {
  install("exec cat");
  EXPECT_EQ(run(), request().configText);
}

TEST_F(RunIpamPlugin, PassesTheEnvironmentWithTheCommand) {
  install("echo $CNI_COMMAND $KPOL_TEST_MARK");
  ::setenv("CNI_COMMAND", "CHECK", 1);
  ::setenv("KPOL_TEST_MARK", "mark", 1);
  EXPECT_EQ(run(CniCommand::Del), "DEL mark\n");
  EXPECT_EQ(run(CniCommand::Gc), "GC mark\n");
  ::unsetenv("CNI_COMMAND");
  ::unsetenv("KPOL_TEST_MARK");
}

// With the other end of its own input open it would never see that end.
TEST_F(RunIpamPlugin, PassesOnlyItsEndsOfThePipes) {
  install(R"sh(
    for end in 0 1; do
      ls -l /proc/$$/fd | grep -cF "$(readlink /proc/$$/fd/$end)"
    done)sh");
  EXPECT_EQ(run(), "1\n1\n");
}

TEST_F(RunIpamPlugin, PassesTheDefaultSigpipe) {
  install("grep SigIgn /proc/self/status");
  const auto output = run();
  const auto ignored = std::stoull(output.substr(output.find(':') + 1), nullptr, 16);
  EXPECT_EQ(ignored >> (SIGPIPE - 1) & 1, 0U) << output;
}

TEST_F(RunIpamPlugin, TransfersMuchInBothDirectionsAtOnce) {
  install("exec cat");
  const std::string much(1 << 20, 'x');
  auto large = request(R"(,"x":")" + much + "\"");
  EXPECT_EQ(runIpamPlugin(large, CniCommand::Add), large.configText);
}

TEST_F(RunIpamPlugin, AcceptsUnreadInput) {
  install("echo done");
  auto large = request(R"(,"x":")" + std::string(1 << 20, 'x') + "\"");
  EXPECT_EQ(runIpamPlugin(large, CniCommand::Add), "done\n");
}

TEST_F(RunIpamPlugin, PassesItsErrorUnchanged) {
  install(R"(echo '{"code":107,"msg":"pool empty","details":"of node 7"}'; exit 1)");
  EXPECT_EQ(cniErrorOf([&] { run(); }), (conf::CniError{107, "pool empty", "of node 7"}));
}

TEST_F(RunIpamPlugin, ReportsTheExitStatus) {
  struct Case {
    const char* script;
    const char* how;
  };
  for (const auto& [script, how] :
       {Case{"echo trouble; exit 3", "exited with status 3"},
        Case{"kill -9 $$", "was killed by signal 9"}, Case{"exit 1", "exited with status 1"}}) {
    install(script);
    const auto error = cniErrorOf([&] { run(); });
    EXPECT_EQ(error.code, static_cast<unsigned>(conf::CniCode::Ipam));
    EXPECT_EQ(error.msg, directory_.file("bin/fake") + " " + how);
  }
}

TEST_F(RunIpamPlugin, IsKilledWhenItTakesTooLong) {
  const auto pidFile = directory_.file("pid");
  install("echo $$ > " + pidFile + "; exec sleep 1000");
  const auto error = cniErrorOf(
      [&] { runIpamPlugin(request(), CniCommand::Add, std::chrono::milliseconds(300)); });
  EXPECT_EQ(error.msg, directory_.file("bin/fake") + " did not finish in time and was killed");
  const auto pid = std::stoi("0" + readFile(pidFile));
  ASSERT_GT(pid, 0);
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST_F(RunIpamPlugin, IsKilledIfItRunsOnAfterClosingItsOutput) {
  const auto pidFile = directory_.file("pid");
  install("echo $$ > " + pidFile + "; exec sleep 1000 >&-");
  const auto error = cniErrorOf(
      [&] { runIpamPlugin(request(), CniCommand::Add, std::chrono::milliseconds(300)); });
  EXPECT_EQ(error.msg, directory_.file("bin/fake") + " did not finish in time and was killed");
  const auto pid = std::stoi("0" + readFile(pidFile));
  ASSERT_GT(pid, 0);
  EXPECT_NE(::kill(pid, 0), 0);
}

TEST_F(RunIpamPlugin, MustBeInCniPath) {
  const auto missing = cniErrorOf([&] { run(); });
  EXPECT_EQ(missing.code, static_cast<unsigned>(conf::CniCode::Ipam));
  EXPECT_EQ(missing.msg, "IPAM plugin fake is not in CNI_PATH");
}

TEST_F(RunIpamPlugin, UnexecutableFileIsAnError) {
  install("");
  writeFile(directory_.file("bin/fake"), "#!/no/such/interpreter\n");
  EXPECT_THAT(cniErrorOf([&] { run(); }).msg,
              testing::StartsWith("cannot run " + directory_.file("bin/fake")));
}

}  // namespace
}  // namespace kpol::plugin
