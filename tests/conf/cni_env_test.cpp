// SPDX-License-Identifier: Apache-2.0
#include "conf/cni_env.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace kpol::conf {
namespace {

using Variables = std::map<std::string, std::string>;

EnvLookup in(const Variables& variables) {
  return [variables](const char* name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional(found->second);
  };
}

Variables complete(const char* command) {
  return {{"CNI_COMMAND", command},
          {"CNI_CONTAINERID", "0a1B_c.d-e"},
          {"CNI_NETNS", "/run/netns/x"},
          {"CNI_IFNAME", "eth0"},
          {"CNI_ARGS", "IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-1;K8S_POD_UID=u-1"},
          {"CNI_PATH", "/opt/cni/bin:/usr/lib/cni"}};
}

std::string envRefusal(Variables variables) {
  try {
    (void)parseCniEnv(in(variables));
  } catch (const EnvError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(CniEnv, ParsesAllVariables) {
  const CniEnv expected{CniCommand::Add,
                        "0a1B_c.d-e",
                        "/run/netns/x",
                        base::IfName::parse("eth0"),
                        {{"shop", "web-1"}, "u-1", {}},
                        {"/opt/cni/bin", "/usr/lib/cni"}};
  EXPECT_EQ(parseCniEnv(in(complete("ADD"))), expected);
}

TEST(CniEnv, TextsHaveBounds) {
  const auto errorWith = [](const char* name, const std::string& value) {
    auto variables = complete("ADD");
    variables[name] = value;
    return envRefusal(variables);
  };
  const auto argument = [](std::size_t size) { return "K8S_POD_NAME=" + std::string(size, 'x'); };
  EXPECT_EQ(errorWith("CNI_CONTAINERID", std::string(200, 'c')), "accepted");
  EXPECT_EQ(errorWith("CNI_CONTAINERID", std::string(201, 'c')),
            "CNI_CONTAINERID must have at most 200 bytes, not 201");
  EXPECT_EQ(errorWith("CNI_NETNS", std::string(4096, 'n')),
            "CNI_NETNS must have at most 4095 bytes, not 4096");
  EXPECT_EQ(errorWith("CNI_IFNAME", std::string(100000, 'e')),
            "CNI_IFNAME must have at most 253 bytes, not 100000");
  EXPECT_EQ(errorWith("CNI_ARGS", argument(253)), "accepted");
  EXPECT_EQ(errorWith("CNI_ARGS", argument(254)),
            "CNI_ARGS: K8S_POD_NAME must have at most 253 bytes, not 254");
  EXPECT_EQ(errorWith("CNI_ARGS", "IgnoreUnknown=1;x=" + std::string(16384, 'x')),
            "CNI_ARGS must have at most 16384 bytes, not 16402");
}

TEST(CniEnv, KnowsEveryCommand) {
  for (const auto command : {CniCommand::Add, CniCommand::Del, CniCommand::Check, CniCommand::Gc,
                             CniCommand::Status, CniCommand::Version})
    EXPECT_EQ(parseCniEnv(in(complete(std::string(toString(command)).c_str()))).command, command);
}

TEST(CniEnv, RefusesOtherCommands) {
  for (const char* command : {"", "add", "UPDATE", "ADD "}) {
    auto variables = complete(command);
    EXPECT_THAT(envRefusal(variables), testing::StartsWith("CNI_COMMAND must be one of"))
        << command;
  }
  auto variables = complete("ADD");
  variables.erase("CNI_COMMAND");
  EXPECT_THAT(envRefusal(variables), testing::StartsWith("CNI_COMMAND must be one of"));
}

TEST(CniEnv, RequiresTheSpecifiedVariables) {
  struct Case {
    const char* command;
    std::string missing;
  };
  for (const auto& [command, missing] :
       {Case{"ADD", "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH"},
        Case{"CHECK", "CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH"},
        Case{"DEL", "CNI_CONTAINERID, CNI_IFNAME, CNI_PATH"}, Case{"GC", "CNI_PATH"},
        Case{"STATUS", "CNI_PATH"}})
    EXPECT_EQ(envRefusal({{"CNI_COMMAND", command}, {"CNI_IFNAME", ""}}),
              std::string("missing from the environment for ") + command + ": " + missing);
  EXPECT_EQ(envRefusal({{"CNI_COMMAND", "VERSION"}}), "accepted");
}

TEST(CniEnv, AcceptsDelWithoutNetns) {
  auto variables = complete("DEL");
  variables.erase("CNI_NETNS");
  EXPECT_EQ(parseCniEnv(in(variables)).netns, "");
}

TEST(CniEnv, RejectsInvalidContainerIds) {
  for (const char* id : {"-a", ".a", "_a", "a/b", "../x", "a b", "a;b", "\xc3\xa9"}) {
    auto variables = complete("ADD");
    variables["CNI_CONTAINERID"] = id;
    EXPECT_THAT(envRefusal(variables), testing::StartsWith("CNI_CONTAINERID must be")) << id;
  }
}

TEST(CniEnv, RejectsInvalidInterfaceNames) {
  for (const char* name : {".", "..", "a/b", "a:b", "a b", "sixteen-bytes-ab"}) {
    auto variables = complete("DEL");
    variables["CNI_IFNAME"] = name;
    EXPECT_THAT(envRefusal(variables), testing::StartsWith("CNI_IFNAME must be")) << name;
  }
}

CniArgs argsOf(const std::string& text) {
  auto variables = complete("ADD");
  variables["CNI_ARGS"] = text;
  return parseCniEnv(in(variables)).args;
}

TEST(CniArgs, AreReadInAnyOrder) {
  const CniArgs expected{{"shop", "web-1"}, "u-1", {}};
  for (const char* text :
       {"K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web-1;K8S_POD_UID=u-1",
        "K8S_POD_UID=u-1;K8S_POD_NAME=web-1;K8S_POD_NAMESPACE=shop;",
        "K8S_POD_INFRA_CONTAINER_ID=0a;K8S_POD_NAME=web-1;K8S_POD_UID=u-1;K8S_POD_NAMESPACE=shop",
        "FOO=bar;K8S_POD_NAME=web-1;K8S_POD_UID=u-1;K8S_POD_NAMESPACE=shop;IgnoreUnknown=TRUE",
        "K8S_POD_NAME=other;K8S_POD_NAME=web-1;K8S_POD_UID=u-1;K8S_POD_NAMESPACE=shop"})
    EXPECT_EQ(argsOf(text), expected) << text;
}

TEST(CniArgs, MayBeEmpty) {
  EXPECT_EQ(argsOf(""), CniArgs{});
  EXPECT_EQ(argsOf("K8S_POD_NAME="), CniArgs{});
}

TEST(CniArgs, ContainRequestedAddresses) {
  EXPECT_EQ(argsOf("IP=10.244.1.9/24,fd00::9").ips,
            (std::vector{base::IpAddress::parse("10.244.1.9").value(),
                         base::IpAddress::parse("fd00::9").value()}));
}

TEST(CniArgs, ContainARequestedMacAddress) {
  EXPECT_EQ(argsOf("MAC=02:00:00:00:00:01").mac, base::MacAddress::parse("02:00:00:00:00:01"));
  for (const char* wrong : {"MAC=02:00", "MAC=01:00:00:00:00:01", "MAC=00:00:00:00:00:00"})
    EXPECT_THROW(argsOf(wrong), EnvError) << wrong;
}

TEST(CniArgs, AreRejectedLikeInTheReferenceImplementation) {
  struct Case {
    const char* args;
    const char* message;
  };
  for (const auto& [args, message] : {
           Case{"FOO=1;K8S_POD_NAMSPACE=x",
                "CNI_ARGS: unknown keys without IgnoreUnknown=1: FOO "
                "K8S_POD_NAMSPACE"},
           Case{"IgnoreUnknown=0;FOO=1", "CNI_ARGS: unknown keys without IgnoreUnknown=1: FOO"},
           Case{"K8S_POD_NAME", "CNI_ARGS: \"K8S_POD_NAME\" is not KEY=VALUE"},
           Case{"A=b=c;IgnoreUnknown=1", "CNI_ARGS: \"A=b=c\" is not KEY=VALUE"},
           Case{"IgnoreUnknown=maybe",
                "CNI_ARGS: IgnoreUnknown must be true or false, not \"maybe\""},
           Case{"K8S_POD_NAME=a b",
                "CNI_ARGS: K8S_POD_NAME must be a Kubernetes name, not \"a b\""},
           Case{"K8S_POD_NAMESPACE=a/b",
                "CNI_ARGS: K8S_POD_NAMESPACE must be a Kubernetes name, not \"a/b\""},
           Case{"IP=10.0.0", "CNI_ARGS: IP must be an IP address, not \"10.0.0\""},
       }) {
    auto variables = complete("ADD");
    variables["CNI_ARGS"] = args;
    EXPECT_EQ(envRefusal(variables), message);
    // DEL must accept what ADD rejects.
    variables["CNI_COMMAND"] = "DEL";
    EXPECT_EQ(parseCniEnv(in(variables)).args, CniArgs{}) << args;
  }
}

}  // namespace
}  // namespace kpol::conf
