// SPDX-License-Identifier: Apache-2.0
#include "plugin/dispatch.hpp"

#include "base/error.hpp"
#include "conf/cni_error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <map>

namespace kpol::plugin {
namespace {

using Variables = std::map<std::string, std::string>;

Answer call(const Variables& variables, const std::string& input) {
  return answer(
      [&](const char* name) -> std::optional<std::string> {
        const auto found = variables.find(name);
        return found == variables.end() ? std::nullopt : std::optional(found->second);
      },
      [&] { return input; });
}

Variables variablesFor(const char* command) {
  return {{"CNI_COMMAND", command},
          {"CNI_CONTAINERID", "c1"},
          {"CNI_NETNS", "/tmp/kpol-test-no-such-namespace"},
          {"CNI_IFNAME", "eth0"},
          {"CNI_ARGS", "K8S_POD_NAMESPACE=shop;K8S_POD_NAME=web"},
          {"CNI_PATH", "/tmp/kpol-test-no-such-directory"}};
}

conf::CniError errorOf(const Answer& given) {
  EXPECT_EQ(given.exitCode, 1);
  EXPECT_NE(given.message, "");
  return conf::parseError(given.output);
}

TEST(Dispatch, VersionRespondsInTheRequestedVersion) {
  const std::string versions = R"("supportedVersions":["0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]})";
  const auto answered = call({{"CNI_COMMAND", "VERSION"}}, R"({"cniVersion":"0.4.0"})");
  EXPECT_EQ(answered.exitCode, 0);
  EXPECT_EQ(answered.message, "");
  EXPECT_EQ(answered.output, R"({"cniVersion":"0.4.0",)" + versions);
  for (const char* input : {"", "{}", R"({"cniVersion":"9.0.0"})"})
    EXPECT_EQ(call({{"CNI_COMMAND", "VERSION"}}, input).output,
              R"({"cniVersion":"1.1.0",)" + versions)
        << input;
}

TEST(Dispatch, EachFailureHasTheSpecifiedCode) {
  struct Case {
    const char* command;
    const char* config;
    unsigned code;
    const char* msg;
  };
  for (const auto& [command, config, code, msg] : {
           Case{"ADD", R"({"cniVersion":"0.2.0","name":"n"})", 1,
                "cniVersion: \"0.2.0\" is not supported; kpol supports 0.3.0, 0.3.1, 0.4.0, "
                "1.0.0 and 1.1.0"},
           Case{"ADD", R"({"name":"n"})", 1,
                "cniVersion: \"0.1.0\" is not supported; kpol supports 0.3.0, 0.3.1, 0.4.0, "
                "1.0.0 and 1.1.0"},
           Case{"CHECK", R"({"cniVersion":"0.3.1","name":"n"})", 1,
                "CHECK needs cniVersion 0.4.0, the network config has 0.3.1"},
           Case{"STATUS", R"({"cniVersion":"1.0.0","name":"n"})", 1,
                "STATUS needs cniVersion 1.1.0, the network config has 1.0.0"},
           Case{"GC", R"({"cniVersion":"1.0.0","name":"n"})", 1,
                "GC needs cniVersion 1.1.0, the network config has 1.0.0"},
           Case{"ADD",
                R"({"cniVersion":"1.0.0","name":"n",
                    "ipam":{"type":"kpol","ranges":[["10.0.0.0/24"]]}})",
                3,
                "open network namespace /tmp/kpol-test-no-such-namespace: No such file or "
                "directory"},
           Case{"UPDATE", R"({"cniVersion":"1.0.0","name":"n"})", 4,
                "CNI_COMMAND must be one of ADD, DEL, CHECK, GC, STATUS, VERSION, not \"UPDATE\"; "
                "kpol is run by a container runtime"},
           Case{"ADD", R"({"cniVersion":"1.0.0",)", 6, nullptr},
           Case{"ADD", "", 6, nullptr},
           Case{"DEL", "[]", 6, nullptr},
           Case{"ADD", R"({"cniVersion":"1.0.0"})", 7, "name: must be given"},
           Case{"ADD", R"({"cniVersion":"1.0.0","name":"n"})", 7,
                "ipam.type: must be given if kpol is the first plugin"},
           Case{"ADD",
                R"({"cniVersion":"1.0.0","name":"n","prevResult":{},
                    "ipam":{"type":"kpol","ranges":[["10.0.0.0/24"]]}})",
                7, "ipam: must not be given if kpol is chained after another plugin"},
           Case{"ADD", R"({"cniVersion":"1.0.0","name":"n","prevResult":{"ips":[]}})", 7,
                "prevResult.ips: has no address for interface eth0"},
           Case{"CHECK", R"({"cniVersion":"1.0.0","name":"n"})", 7,
                "prevResult: must be given for CHECK"},
           Case{"STATUS",
                R"({"cniVersion":"1.1.0","name":"n","socket":"/tmp/kpol-test-none.sock"})", 50,
                "kpold at /tmp/kpol-test-none.sock: cannot connect: No such file or directory"},
       }) {
    const auto error = errorOf(call(variablesFor(command), config));
    EXPECT_EQ(error.code, code) << command << " " << config;
    EXPECT_NE(error.details, "") << command << " " << config;
    if (msg != nullptr) {
      EXPECT_EQ(error.msg, msg) << command << " " << config;
    }
  }
}

TEST(Dispatch, NamesEveryMissingVariable) {
  const auto error =
      errorOf(call({{"CNI_COMMAND", "ADD"}}, R"({"cniVersion":"1.0.0","name":"n"})"));
  EXPECT_EQ(error.code, 4U);
  EXPECT_EQ(
      error.msg,
      "missing from the environment for ADD: CNI_CONTAINERID, CNI_NETNS, CNI_IFNAME, CNI_PATH");
}

TEST(Dispatch, RequiresThePodsNameToEnforceItsPolicy) {
  auto variables = variablesFor("ADD");
  variables["CNI_ARGS"] = "K8S_POD_NAME=web";
  EXPECT_EQ(errorOf(call(variables, R"({"cniVersion":"1.0.0","name":"n"})")).code, 4U);
}

TEST(Dispatch, RespondsInTheVersionOfTheConfig) {
  EXPECT_THAT(call(variablesFor("ADD"), R"({"cniVersion":"0.3.1","name":""})").output,
              testing::StartsWith(R"({"cniVersion":"0.3.1","code":7,)"));
  EXPECT_THAT(call(variablesFor("ADD"), R"({"cniVersion":"9","name":""})").output,
              testing::StartsWith(R"({"cniVersion":"1.1.0","code":1,)"));
}

TEST(Dispatch, RejectsTheNodesNamespace) {
  auto variables = variablesFor("ADD");
  variables["CNI_NETNS"] = "/proc/thread-self/ns/net";
  const auto error = errorOf(call(variables, R"({"cniVersion":"1.0.0","name":"n",
      "ipam":{"type":"kpol","ranges":[["10.0.0.0/24"]]}})"));
  EXPECT_EQ(error.code, 4U);
  EXPECT_EQ(error.msg, "CNI_NETNS /proc/thread-self/ns/net is the node's own namespace");
}

TEST(Dispatch, UnreadableInputIsAnErrorResult) {
  const auto given = answer(
      [](const char* name) {
        return std::optional<std::string>(std::string(name) == "CNI_COMMAND" ? "VERSION" : "");
      },
      []() -> std::string { throw base::SystemError("read the network config", EIO); });
  const auto error = errorOf(given);
  EXPECT_EQ(error.code, 5U);
  EXPECT_EQ(error.msg, "read the network config: Input/output error");
  EXPECT_NE(error.details, "");
}

TEST(Dispatch, SuccessfulStatusPrintsNothing) {
  const auto given =
      call(variablesFor("STATUS"), R"({"cniVersion":"1.1.0","name":"n","policy":"none"})");
  EXPECT_EQ(given.exitCode, 0);
  EXPECT_EQ(given.output, "");
  EXPECT_EQ(given.message, "");
}

}  // namespace
}  // namespace kpol::plugin
