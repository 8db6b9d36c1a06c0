// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/command_line.hpp"

#include <gtest/gtest.h>

namespace kpol::kpolctl {
namespace {

using namespace std::chrono_literals;
using Arguments = std::vector<std::string>;
using What = ShowCommand::What;

std::variant<CommandLine, Exit> parse(const Arguments& arguments) {
  std::vector<const char*> argv{"kpolctl"};
  for (const auto& argument : arguments) argv.push_back(argument.c_str());
  return readCommandLine(static_cast<int>(argv.size()), argv.data());
}

template <class Wanted>
Wanted commandOf(const Arguments& arguments) {
  const auto result = parse(arguments);
  if (const auto* exit = std::get_if<Exit>(&result)) throw std::runtime_error(exit->text);
  return std::get<Wanted>(std::get<CommandLine>(result).command);
}

TEST(CommandLine, GlobalOptionsMayBeAnywhere) {
  for (const auto& arguments : {Arguments{"--socket", "/s", "-o", "json", "show", "pods"},
                                Arguments{"show", "pods", "-o", "json", "--socket", "/s"},
                                Arguments{"show", "-o", "json", "pods", "--socket=/s"}}) {
    const auto line = std::get<CommandLine>(parse(arguments));
    EXPECT_EQ(line.socket, "/s");
    EXPECT_EQ(line.format, Format::JsonText);
    EXPECT_EQ(std::get<ShowCommand>(line.command).what, What::Pods);
  }
}

TEST(CommandLine, CompletionIsPrintedForKnownShells) {
  for (const char* shell : {"bash", "fish", "zsh"}) {
    const auto exit = std::get<Exit>(parse({"completion", shell}));
    EXPECT_EQ(exit.code, kDone);
    EXPECT_NE(exit.text.find(std::string("# ") + shell + " completion of kpolctl"), exit.text.npos);
  }
  EXPECT_EQ(std::get<Exit>(parse({"completion"})).code, kUsage);
  EXPECT_EQ(std::get<Exit>(parse({"completion", "csh"})).code, kUsage);
}

TEST(CommandLine, DefaultsAreTheNodesSocketAndATable) {
  const auto line = std::get<CommandLine>(parse({"status"}));
  EXPECT_EQ(line.socket, "/run/kpol/kpold.sock");
  EXPECT_EQ(line.format, Format::Table);
  EXPECT_TRUE(std::holds_alternative<StatusCommand>(line.command));
}

TEST(CommandLine, Show) {
  struct Case {
    Arguments arguments;
    What what;
    base::ObjectKey key;
  };
  const Case cases[] = {
      {{"show"}, What::Overview, {}},
      {{"show", "policies"}, What::Policies, {}},
      {{"show", "sets"}, What::Sets, {}},
      {{"show", "ruleset"}, What::Ruleset, {}},
      {{"show", "pod", "shop/web"}, What::Pod, {"shop", "web"}},
      {{"show", "policy", "shop/a.b"}, What::Policy, {"shop", "a.b"}},
  };
  for (const auto& c : cases) {
    const auto show = commandOf<ShowCommand>(c.arguments);
    EXPECT_EQ(show.what, c.what) << c.arguments.back();
    EXPECT_EQ(show.key, c.key) << c.arguments.back();
  }
}

TEST(CommandLine, SyncAcceptsADuration) {
  EXPECT_EQ(commandOf<SyncCommand>({"sync"}).timeout, 20s);
  EXPECT_EQ(commandOf<SyncCommand>({"sync", "--timeout", "500ms"}).timeout, 500ms);
  EXPECT_EQ(commandOf<SyncCommand>({"sync", "--timeout=1m"}).timeout, 60s);
}

TEST(CommandLine, ExplainAcceptsPortAndProtocol) {
  struct Case {
    const char* text;
    std::uint16_t port;
    const char* protocol;
  };
  for (const auto& c : {Case{"80", 80, "tcp"}, Case{"53/udp", 53, "udp"}, Case{"9/SCTP", 9, "sctp"},
                        Case{"65535/tcp", 65535, "tcp"}, Case{"icmp", 0, "icmp"}}) {
    const auto explain = commandOf<ExplainCommand>({"explain", "shop/web", "10.0.0.1", c.text});
    EXPECT_EQ(explain.from, "shop/web");
    EXPECT_EQ(explain.to, "10.0.0.1");
    EXPECT_EQ(explain.port, c.port) << c.text;
    EXPECT_EQ(explain.protocol, c.protocol) << c.text;
  }
}

TEST(CommandLine, BadUsageIsExitCode2) {
  const Arguments cases[] = {{},
                             {"nonsense"},
                             {"status", "extra"},
                             {"show", "nonsense"},
                             {"show", "pod"},
                             {"show", "pod", "web"},
                             {"show", "pod", "/web"},
                             {"show", "pod", "shop/"},
                             {"show", "pod", "a/b/c"},
                             {"show", "pods", "-o", "xml"},
                             {"sync", "--timeout", "10"},
                             {"explain", "a/b", "c/d"},
                             {"explain", "a/b", "c/d", "0"},
                             {"explain", "a/b", "c/d", "65536"},
                             {"explain", "a/b", "c/d", "http"},
                             {"explain", "a/b", "c/d", "80/xyz"},
                             {"explain", "a/b", "c/d", "80/icmp"}};
  for (const auto& arguments : cases) {
    const auto result = parse(arguments);
    ASSERT_TRUE(std::holds_alternative<Exit>(result)) << testing::PrintToString(arguments);
    EXPECT_EQ(std::get<Exit>(result).code, kUsage) << testing::PrintToString(arguments);
    EXPECT_TRUE(std::get<Exit>(result).text.starts_with("kpolctl: "));
  }
}

TEST(CommandLine, HelpHasExamplesAndIsExitCode0) {
  const auto help = std::get<Exit>(parse({"--help"}));
  EXPECT_EQ(help.code, 0);
  EXPECT_NE(help.text.find("kpolctl explain shop/web bank/vault 5432"), std::string::npos);
  EXPECT_EQ(std::get<Exit>(parse({"show", "--help"})).code, 0);
  EXPECT_TRUE(std::get<Exit>(parse({"--version"})).text.starts_with("kpolctl 0."));
}

}  // namespace
}  // namespace kpol::kpolctl
