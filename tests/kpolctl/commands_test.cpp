// SPDX-License-Identifier: Apache-2.0
// The requests, output and exit codes of kpolctl, with a server that returns given responses.
#include "kpolctl/commands.hpp"

#include "control/client.hpp"
#include "kpolctl/connection.hpp"
#include "tests/control/unix_server.hpp"

#include <gtest/gtest.h>

#include <sstream>

namespace kpol::kpolctl {
namespace {

using What = ShowCommand::What;

using namespace std::chrono_literals;
using test::UnixServer;

struct Ran {
  ExitCode code = kFailed;
  std::string out;
  std::string remarks;
};

Ran runAt(const std::string& socket, Command command, Format format = Format::Table) {
  std::ostringstream out;
  std::ostringstream remarks;
  const ExitCode code = run({socket, format, std::move(command)}, out, remarks);
  return {code, out.str(), remarks.str()};
}

Ran runAgainst(unsigned status, const std::string& body, Command command,
               Format format = Format::Table) {
  const UnixServer server(UnixServer::answering(status, body));
  return runAt(server.path(), std::move(command), format);
}

// The first line of the request of `command`.
std::string requestOf(const Command& command, const std::string& body) {
  std::string request;
  const UnixServer server([&](UnixServer::Connection& connection) {
    request = connection.readRequest();
    connection.write(test::httpAnswer(200, body));
  });
  runAt(server.path(), command, Format::JsonText);
  return request.substr(0, request.find("\r\n"));
}

const std::string kExplained = R"({"from":"a/b","to":"c/d","protocol":6,"port":80,"flows":[],)";

TEST(Commands, SyncPrintsTheGeneration) {
  const auto done = runAgainst(200, R"({"generation":7,"diagnostics":[]})", SyncCommand{1s});
  EXPECT_EQ(done.code, kDone);
  EXPECT_EQ(done.out, "in sync, generation 7\n");
  EXPECT_EQ(done.remarks, "");
}

TEST(Commands, SyncPrintsDiagnostics) {
  const auto done = runAgainst(
      200,
      R"({"generation":7,"diagnostics":[{"severity":"error","object":"","field":"","message":"x"}]})",
      SyncCommand{1s});
  EXPECT_EQ(done.code, kDone);
  EXPECT_EQ(done.remarks, "error: x\n");
}

TEST(Commands, SyncNotInTimeIsExitCode3) {
  const auto late = runAgainst(
      504, R"({"error":"not committed in time: refused","diagnostics":[]})", SyncCommand{1s});
  EXPECT_EQ(late.code, kNo);
  EXPECT_EQ(late.out, "not in sync: not committed in time: refused\n");
}

TEST(Commands, ExplainIsExitCode3WhenDenied) {
  const ExplainCommand explain{"a/b", "c/d", 80, "tcp"};
  EXPECT_EQ(runAgainst(200, kExplained + R"("allowed":true})", explain).code, kDone);
  EXPECT_EQ(runAgainst(200, kExplained + R"("allowed":false})", explain).code, kNo);
}

TEST(Commands, RequestsHaveTheirParameters) {
  const std::string list = R"({"items":[]})";
  EXPECT_EQ(requestOf(ShowCommand{What::Pods, {}}, list), "GET /v1/show/pods HTTP/1.1");
  EXPECT_EQ(requestOf(ShowCommand{What::Sets, {}}, list), "GET /v1/show/sets HTTP/1.1");
  EXPECT_EQ(requestOf(ShowCommand{What::Ruleset, {}}, list), "GET /v1/show/ruleset HTTP/1.1");
  EXPECT_EQ(requestOf(ShowCommand{What::Policy, {"shop", "a b"}}, list),
            "GET /v1/show/policy/shop/a%20b HTTP/1.1");
  EXPECT_EQ(requestOf(ExplainCommand{"shop/web", "fd00::1", 53, "udp"},
                      kExplained + R"("allowed":true})"),
            "GET /v1/explain?from=shop%2Fweb&to=fd00%3A%3A1&port=53&protocol=udp HTTP/1.1");
  EXPECT_EQ(requestOf(SyncCommand{1500ms}, R"({"generation":1,"diagnostics":[]})"),
            "POST /v1/sync?timeout=1.500000 HTTP/1.1");
}

TEST(Commands, FormatsPrintTheResponseUnchanged) {
  const ShowCommand pods{ShowCommand::What::Pods, {}};
  const std::string body = R"({"items":[]})";
  EXPECT_EQ(runAgainst(200, body, pods).out, "No pods.\n");
  EXPECT_EQ(runAgainst(200, body, pods, Format::JsonText).out, "{\n  \"items\": []\n}\n");
  EXPECT_EQ(runAgainst(200, body, pods, Format::YamlText).out, "items: []\n");
}

TEST(Commands, ErrorHasKpoldsMessage) {
  const ShowCommand pod{ShowCommand::What::Pod, {"shop", "x"}};
  try {
    runAgainst(404, R"({"error":"no pod shop/x"})", pod);
    FAIL();
  } catch (const AnswerError& error) {
    EXPECT_EQ(error.status(), 404U);
    EXPECT_STREQ(error.what(), "no pod shop/x");
  }
}

TEST(Commands, InvalidResponsesAreErrors) {
  EXPECT_THROW(runAgainst(200, "hello", StatusCommand{}), AnswerError);
  EXPECT_THROW(runAgainst(200, "{}", StatusCommand{}), AnswerError);
  EXPECT_THROW(runAgainst(500, "{\"error\":\"x\"}", SyncCommand{1s}), AnswerError);
}

TEST(Commands, UnreachableKpoldIsAnErrorWithAdvice) {
  try {
    runAt("/nonexistent/kpold.sock", StatusCommand{});
    FAIL();
  } catch (const control::Unreachable& error) {
    EXPECT_NE(std::string(error.what()).find("check that kpold runs on this node"),
              std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace kpol::kpolctl
