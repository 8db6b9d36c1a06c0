// SPDX-License-Identifier: Apache-2.0
#include "controller/command_line.hpp"

#include "tests/controller/temporary_directory.hpp"

#include <gtest/gtest.h>

namespace kpol::controller {
namespace {

using Arguments = std::vector<std::string>;

std::variant<Command, Exit> parse(const Arguments& arguments) {
  std::vector<const char*> argv{"kpold"};
  for (const auto& argument : arguments) argv.push_back(argument.c_str());
  return readCommandLine(static_cast<int>(argv.size()), argv.data());
}

Command commandOf(const Arguments& arguments) {
  const auto result = parse(arguments);
  if (const auto* exit = std::get_if<Exit>(&result)) ADD_FAILURE() << exit->text;
  return std::get<Command>(result);
}

conf::DaemonConfig configOf(const Arguments& arguments) {
  return commandOf(arguments).config;
}

Exit exitOf(const Arguments& arguments) {
  return std::get<Exit>(parse(arguments));
}

const std::string kHeader = "apiVersion: kpol.io/v1alpha1\nkind: KpoldConfiguration\n";

TEST(CommandLine, FlagsFillTheConfiguration) {
  const auto config =
      configOf({"--source", "dir:/m", "--node-name", "n1", "--socket", "/s", "--state-dir", "/d",
                "--metrics-listen", "127.0.0.1:1", "--log-level", "warn", "--log-format", "json"});
  conf::DaemonConfig expected;
  expected.source = {conf::Source::Kind::Directory, "/m"};
  expected.nodeName = "n1";
  expected.socket = "/s";
  expected.stateDir = "/d";
  expected.metricsListen = conf::ListenAddress{*base::IpAddress::parse("127.0.0.1"), 1};
  expected.logLevel = base::LogLevel::Warn;
  expected.logFormat = base::LogFormat::Json;
  EXPECT_EQ(config, expected);
}

TEST(CommandLine, EmptyMetricsListenTurnsMetricsOff) {
  EXPECT_EQ(configOf({"--source", "dir:/m", "--metrics-listen", ""}).metricsListen, std::nullopt);
  EXPECT_EQ(configOf({"--source=dir:/m", "--metrics-listen="}).metricsListen, std::nullopt);
}

TEST(CommandLine, FlagsOverrideTheFile) {
  const TemporaryDirectory directory;
  directory.write("c.yaml", kHeader + "source: dir:/file\nnodeName: file\nauditInterval: 7m\n");
  const auto config = configOf({"--config", directory.path() / "c.yaml", "--node-name", "flag"});
  EXPECT_EQ(config.nodeName, "flag");
  EXPECT_EQ(config.source.directory, "/file");
  EXPECT_EQ(config.auditInterval, std::chrono::minutes(7));
}

TEST(CommandLine, BadUsageIsExitCode2WithAReason) {
  const TemporaryDirectory directory;
  directory.write("c.yaml", kHeader + "sorce: dir:/m\n");
  const std::string file = directory.path() / "c.yaml";
  struct Case {
    Arguments arguments;
    std::string reason;
  };
  const Case cases[] = {
      {{"--nonsense"}, "--nonsense"},
      {{"extra"}, "extra"},
      {{"--source", "file:/x"}, "--source: source: must be api or dir:PATH"},
      {{"--source", "dir:/m", "--log-level", "loud"}, "--log-level: logLevel: must be trace"},
      {{"--insecure-skip-tls-verify", "yes"},
       "--insecure-skip-tls-verify: insecureSkipTlsVerify: must be true or false"},
      {{"--api-servers", "https://a,,https://b"},
       "--api-servers: apiServers: must be comma-separated URLs"},
      {{"--source", "dir:/m", "--api-servers", "https://a"},
       "apiServers: is used only with source api"},
      {{"--source", "dir:/m", "--kubeconfig", "/k"}, "kubeconfig: is used only with source api"},
      {{"--config", file}, file + ": sorce: unknown field"},
      {{"--config", "/nonexistent/c.yaml"}, "cannot open /nonexistent/c.yaml"},
  };
  for (const auto& c : cases) {
    const auto exit = exitOf(c.arguments);
    EXPECT_EQ(exit.code, 2);
    EXPECT_NE(exit.text.find(c.reason), std::string::npos) << exit.text;
  }
}

TEST(CommandLine, InstallCniIsAVerb) {
  EXPECT_EQ(commandOf({"--source", "dir:/m"}).verb, Command::Verb::Run);
  const auto command =
      commandOf({"--install-cni", "--cni-bin-dir", "/b", "--plugin-binary", "/p/kpol"});
  EXPECT_EQ(command.verb, Command::Verb::InstallCni);
  EXPECT_EQ(command.config.cniBinDir, "/b");
  EXPECT_EQ(command.pluginBinary, "/p/kpol");
  EXPECT_EQ(exitOf({"--plugin-binary", "/p/kpol"}).code, 2);
}

TEST(CommandLine, CleanupIsAVerb) {
  EXPECT_EQ(commandOf({"--cleanup"}).verb, Command::Verb::CleanUp);
  EXPECT_FALSE(commandOf({"--cleanup"}).dryRun);
  EXPECT_TRUE(commandOf({"--cleanup", "-n"}).dryRun);
  EXPECT_EQ(exitOf({"--dry-run"}).code, 2);
  EXPECT_EQ(exitOf({"--cleanup", "--install-cni"}).code, 2);
}

TEST(CommandLine, HoldIsACommandWithTheSameOptions) {
  EXPECT_EQ(commandOf({"hold"}).verb, Command::Verb::Hold);
  for (const std::vector<std::string>& arguments :
       std::vector<std::vector<std::string>>{{"hold", "--socket", "/s"}, {"--socket=/s", "hold"}}) {
    const auto command = commandOf(arguments);
    EXPECT_EQ(command.verb, Command::Verb::Hold);
    EXPECT_EQ(command.config.socket, "/s");
  }
  for (const char* other : {"--cleanup", "--install-cni", "--idle", "hold-on"})
    EXPECT_EQ(exitOf({"hold", other}).code, 2) << other;
}

TEST(CommandLine, IdleIsAVerb) {
  EXPECT_EQ(commandOf({"--idle"}).verb, Command::Verb::Idle);
  EXPECT_EQ(exitOf({"--idle", "--cleanup"}).code, 2);
  EXPECT_EQ(exitOf({"--install-cni", "--idle"}).code, 2);
}

TEST(CommandLine, HelpAndVersionAreExitCode0) {
  EXPECT_EQ(exitOf({"--help"}).code, 0);
  EXPECT_NE(exitOf({"--help"}).text.find("--source"), std::string::npos);
  EXPECT_EQ(exitOf({"--version"}).code, 0);
  EXPECT_TRUE(exitOf({"--version"}).text.starts_with("kpold 0.")) << exitOf({"--version"}).text;
}

}  // namespace
}  // namespace kpol::controller
