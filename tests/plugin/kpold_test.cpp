// SPDX-License-Identifier: Apache-2.0
#include "plugin/kpold.hpp"

#include "conf/control_message.hpp"
#include "tests/control/unix_server.hpp"
#include "tests/plugin/requests.hpp"
#include "tests/plugin/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace kpol::plugin {
namespace {

using conf::CniCode;
using test::cniErrorOf;
using test::TemporaryDirectory;
using test::UnixServer;
using test::writeFile;

unsigned codeNumber(CniCode code) {
  return static_cast<unsigned>(code);
}

conf::NetworkConfig configWith(const std::string& socket) {
  conf::NetworkConfig config;
  config.name = "pods";
  config.socket = socket;
  config.stateDir = "/tmp/kpol-test-no-such-directory";
  config.policyTimeout = std::chrono::seconds(5);
  return config;
}

conf::Attachment attachment() {
  return {"c1",
          base::IfName::parse("eth0").value(),
          base::IfName::parse("kpol1").value(),
          {"shop", "web"},
          "",
          "/run/netns/c1",
          {test::ip("10.0.0.1")}};
}
const conf::AttachmentId kId{"c1", "eth0"};

// The request that `act` sends to a kpold that returns 200 with `body`.
template <typename Act>
std::string requestOf(const std::string& body, Act act) {
  std::string received;
  {
    const UnixServer server([&](UnixServer::Connection& connection) {
      received = connection.readRequest();
      connection.write(test::httpAnswer(200, body));
    });
    act(configWith(server.path()));
  }
  return received.substr(0, received.find(" HTTP/1.1"));
}

TEST(Kpold, RequestsFollowTheDocumentedApi) {
  EXPECT_EQ(
      requestOf(R"({"generation":1})", [](const auto& config) { enforce(config, attachment()); }),
      "PUT /v1/attachments?timeout=4");
  EXPECT_EQ(requestOf("{}", [](const auto& config) { forget(config, kId); }),
            "DELETE /v1/attachments/c1/eth0?stateDir=%2Ftmp%2Fkpol-test-no-such-directory");
  EXPECT_EQ(requestOf(conf::printKnown(print(attachment()), true),
                      [](const auto& config) {
                        verifyKnown(config, {"c1", "a%b\xc3"});
                      }),
            "GET /v1/attachments/c1/a%25b%C3");
  EXPECT_EQ(requestOf(R"({"ready":true})", [](const auto& config) { verifyReady(config); }),
            "GET /v1/status");
}

TEST(Kpold, MayTakeOverPendingReleases) {
  for (const bool settling : {true, false}) {
    const UnixServer server(UnixServer::answering(200, conf::printRemoved(1, settling)));
    EXPECT_EQ(forget(configWith(server.path()), kId), settling);
  }
}

TEST(Kpold, ReceivesTheWholeAttachment) {
  std::string received;
  {
    const UnixServer server([&](UnixServer::Connection& connection) {
      received = connection.readRequest();
      connection.write(test::httpAnswer(200, "{}"));
    });
    enforce(configWith(server.path()), attachment());
  }
  EXPECT_EQ(conf::parseAttachment(received.substr(received.find("\r\n\r\n") + 4)), attachment());
}

TEST(Kpold, IsNotCalledWithPolicyNone) {
  auto config = configWith("/tmp/kpol-test-no-such-directory/kpold.sock");
  config.policy = conf::PolicyMode::None;
  enforce(config, attachment());
  forget(config, kId);
  verifyKnown(config, kId);
  verifyReady(config);
}

TEST(Kpold, NotEnforcedIsTryAgain) {
  struct Case {
    unsigned status;
    const char* body;
    CniCode code;
    const char* msg;
  };
  for (const auto& [status, body, code, msg] : {
           Case{504, R"({"error":"pod shop/web is not known"})", CniCode::TryAgain,
                "the policy of pod shop/web is not enforced: kpold returned 504: pod shop/web is "
                "not known"},
           Case{503, R"({"error":"not ready"})", CniCode::TryAgain,
                "the policy of pod shop/web is not enforced: kpold returned 503: not ready"},
           Case{500, "oops", CniCode::TryAgain,
                "the policy of pod shop/web is not enforced: kpold returned 500: oops"},
           Case{204, "", CniCode::TryAgain,
                "the policy of pod shop/web is not enforced: kpold returned 204: "},
           Case{409, R"({"error":"host port TCP 80 is held"})", CniCode::Conflict,
                "the policy of pod shop/web is not enforced: kpold returned 409: host port TCP "
                "80 is held"},
           Case{400, R"({"error":"ips: must contain an address"})", CniCode::InvalidConfig,
                "the policy of pod shop/web is not enforced: kpold returned 400: ips: must "
                "contain an address"},
       }) {
    const UnixServer server(UnixServer::answering(status, body));
    const auto error = cniErrorOf([&] { enforce(configWith(server.path()), attachment()); });
    EXPECT_EQ(error.code, codeNumber(code)) << status;
    EXPECT_EQ(error.msg, msg);
    EXPECT_NE(error.details, "");
  }
}

TEST(Kpold, UnreachableIsTryAgainAtOnce) {
  const auto error = cniErrorOf(
      [] { enforce(configWith("/tmp/kpol-test-no-such-directory/kpold.sock"), attachment()); });
  EXPECT_EQ(error.code, codeNumber(CniCode::TryAgain));
  EXPECT_THAT(error.msg, testing::HasSubstr("cannot connect: No such file or directory"));
  EXPECT_THAT(error.details, testing::HasSubstr("kpold"));
}

TEST(Kpold, PluginKeepsTheFileIfKpoldSucceeds) {
  const TemporaryDirectory state;
  const UnixServer server(UnixServer::answering(200, "{}"));
  auto config = configWith(server.path());
  config.stateDir = state.path();
  writeFile(state.file("attachments/c1-eth0.json"), "kpold's");
  forget(config, kId);
  EXPECT_TRUE(std::filesystem::exists(state.file("attachments/c1-eth0.json")));
}

TEST(Kpold, PluginDeletesTheFileIfKpoldDoesNot) {
  const TemporaryDirectory state;
  const UnixServer failing(UnixServer::answering(503, R"({"error":"not ready"})"));
  for (const std::string& socket : {failing.path(), state.file("no.sock")}) {
    auto config = configWith(socket);
    config.stateDir = state.path();
    writeFile(state.file("attachments/c1-eth0.json"), "x");
    testing::internal::CaptureStderr();
    forget(config, kId);
    EXPECT_THAT(testing::internal::GetCapturedStderr(), testing::StartsWith("kpol: kpold "));
    EXPECT_FALSE(std::filesystem::exists(state.file("attachments/c1-eth0.json")));
    testing::internal::CaptureStderr();
    forget(config, kId);  // and it need not be there
    testing::internal::GetCapturedStderr();
  }
}

TEST(Kpold, UnknownAttachmentFailsCheck) {
  const UnixServer unknowing(UnixServer::answering(404, R"({"error":"no such attachment"})"));
  EXPECT_EQ(cniErrorOf([&] { verifyKnown(configWith(unknowing.path()), kId); }),
            (conf::CniError{codeNumber(CniCode::CheckFailed),
                            "kpold does not know container c1 interface eth0",
                            "delete and recreate the pod"}));
  const UnixServer failing(UnixServer::answering(500, "{}"));
  EXPECT_EQ(cniErrorOf([&] { verifyKnown(configWith(failing.path()), kId); }).code,
            codeNumber(CniCode::TryAgain));
  EXPECT_EQ(cniErrorOf([&] { verifyKnown(configWith("/tmp/kpol-test-none"), kId); }).code,
            codeNumber(CniCode::TryAgain));
}

TEST(Kpold, IsReadyOnlyIfTheStatusIsReady) {
  for (const auto& [status, body] :
       {std::pair{200U, R"({"ready":false})"}, {200U, "{}"}, {503U, R"({"error":"starting"})"}}) {
    const UnixServer server(UnixServer::answering(status, body));
    EXPECT_EQ(cniErrorOf([&] { verifyReady(configWith(server.path())); }).code,
              codeNumber(CniCode::NotAvailable))
        << body;
  }
  EXPECT_EQ(cniErrorOf([] { verifyReady(configWith("/tmp/kpol-test-none")); }).code,
            codeNumber(CniCode::NotAvailable));
}

}  // namespace
}  // namespace kpol::plugin
