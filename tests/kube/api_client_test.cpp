// SPDX-License-Identifier: Apache-2.0
// Server verification and client credentials, with real TLS on the loopback interface.
#include "kube/api_client.hpp"

#include "base/async/asio.hpp"
#include "kube/api_error.hpp"
#include "tests/kube/certificates.hpp"
#include "tests/kube/scripted_server.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace kpol::kube {
namespace {

using namespace std::chrono_literals;
using base::Task;
using testing::Exchange;
using testing::ScriptedServer;
using testing::ServerTls;

const testing::Certified& authority() {
  static const testing::Certified made = testing::makeAuthority();
  return made;
}

ServerTls serverOf(const testing::Certified& signer, const char* names) {
  const auto certified = testing::issue(signer, "server", names);
  return {certified.certificatePem, certified.keyPem, ""};
}

Task<> ok(Exchange& exchange) {
  co_await exchange.answer(200, "ok");
}

class ApiClientTest : public ::testing::Test {
 protected:
  ApiClientTest() : directory_(makeDirectory()) {
    config.authorities.text = authority().certificatePem;
  }
  ~ApiClientTest() override { std::filesystem::remove_all(directory_); }

  static std::filesystem::path makeDirectory() {
    std::string pattern = std::filesystem::temp_directory_path() / "kpol-client-XXXXXX";
    return ::mkdtemp(pattern.data());
  }
  std::string file(const std::string& name) const { return directory_ / name; }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(directory_ / name) << text;
  }
  ScriptedServer& serve(std::optional<ServerTls> tls, ScriptedServer::Script script = ok,
                        const char* address = "127.0.0.1") {
    servers_.push_back(std::make_unique<ScriptedServer>(io_, script, std::move(tls), address));
    return *servers_.back();
  }
  void use(const ScriptedServer& server, const std::string& host = "127.0.0.1", bool tls = true) {
    config.servers.push_back({tls, host, server.port(), {}});
  }

  // Each body in turn, or "error: ..." of each request.
  std::vector<std::string> ask(int times, std::function<void(int, ApiClient&)> before = {}) {
    Credentials credentials(config);
    ApiClient client(credentials);
    std::vector<std::string> answers;
    base::TaskGroup tasks(io_.get_executor());
    tasks.spawn(askAll(client, times, before, answers));
    io_.restart();
    io_.run_for(60s);
    EXPECT_TRUE(io_.stopped());
    return answers;
  }
  std::string askOnce() { return ask(1).at(0); }

  ClusterConfig config;
  ApiClient::Duration patience = 20s;
  std::chrono::milliseconds rest{0};  // between two requests

 private:
  Task<> askAll(ApiClient& client, int times, std::function<void(int, ApiClient&)> before,
                std::vector<std::string>& answers) {
    for (int i = 0; i < times; ++i) {
      if (before) before(i, client);
      if (i > 0 && rest > 0ms) co_await base::sleepFor(rest);
      std::string answer;
      try {
        const ResponseHead head = co_await client.get("/x", patience);
        answer = std::to_string(head.status) + " ";
        for (bool more = true; more;) {
          const std::string_view part = co_await client.read(patience);
          answer += part;
          more = !part.empty();
        }
      } catch (const ApiError& error) {
        answer = std::string("error: ") + error.what();
      }
      answers.push_back(std::move(answer));
    }
    for (auto& server : servers_) server->stop();
  }

  base::asio::io_context io_;
  std::filesystem::path directory_;
  std::vector<std::unique_ptr<ScriptedServer>> servers_;
};

bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

TEST_F(ApiClientTest, TheCertificateMayNameAnAddress) {
  use(serve(serverOf(authority(), "IP:127.0.0.1")));
  EXPECT_EQ(askOnce(), "200 ok");
}

TEST_F(ApiClientTest, TheCertificateMayNameAnIpv6Address) {
  use(serve(serverOf(authority(), "IP:::1"), ok, "::1"), "::1");
  EXPECT_EQ(askOnce(), "200 ok");
}

TEST_F(ApiClientTest, TheCertificateMayNameAHost) {
  use(serve(serverOf(authority(), "DNS:localhost")), "localhost");
  EXPECT_EQ(askOnce(), "200 ok");
}

TEST_F(ApiClientTest, ServerNameCanBeConfigured) {
  use(serve(serverOf(authority(), "DNS:kubernetes.default")));
  config.tlsServerName = "kubernetes.default";
  EXPECT_EQ(askOnce(), "200 ok");
}

TEST_F(ApiClientTest, WrongNameIsRejected) {
  use(serve(serverOf(authority(), "DNS:localhost,IP:127.0.0.2")));
  EXPECT_TRUE(has(askOnce(), "verify the server's certificate: IP address mismatch"));
}

TEST_F(ApiClientTest, CertificateWithoutNamesIsRejected) {
  const auto certified = testing::issue(authority(), "127.0.0.1", "");
  use(serve(ServerTls{certified.certificatePem, certified.keyPem, ""}));
  EXPECT_TRUE(has(askOnce(), "cannot verify the server's certificate"));
}

TEST_F(ApiClientTest, UnknownAuthorityIsRejected) {
  use(serve(serverOf(testing::makeAuthority(), "IP:127.0.0.1")));
  EXPECT_TRUE(has(askOnce(), "cannot verify the server's certificate"));
}

TEST_F(ApiClientTest, SystemAuthoritiesRejectTheTestCertificate) {
  config.authorities = {};
  use(serve(serverOf(authority(), "IP:127.0.0.1")));
  EXPECT_TRUE(has(askOnce(), "cannot verify the server's certificate"));
}

TEST_F(ApiClientTest, AnEmptyFileOfAuthoritiesDoesNotMeanTheSystems) {
  write("ca", "");
  config.authorities = {"", file("ca")};
  auto& server = serve(serverOf(authority(), "IP:127.0.0.1"));
  use(server);
  EXPECT_TRUE(has(askOnce(), "/ca is empty: it must contain"));
  write("ca", "# to be filled in\n");
  EXPECT_TRUE(has(askOnce(), "/ca is not PEM: it must contain"));
  config.authorities = {"Hello", ""};
  EXPECT_TRUE(has(askOnce(), "the kubeconfig's certificate-authority-data is not PEM"));
  EXPECT_TRUE(server.log.empty());
}

TEST_F(ApiClientTest, VerificationCanBeTurnedOff) {
  config.skipTlsVerify = true;
  use(serve(serverOf(testing::makeAuthority(), "DNS:other")));
  EXPECT_EQ(askOnce(), "200 ok");
}

TEST_F(ApiClientTest, PlainServerIsRejectedForHttps) {
  auto& server = serve(std::nullopt);
  use(server);
  patience = 200ms;
  EXPECT_TRUE(has(askOnce(), "error: "));
  EXPECT_TRUE(server.log.empty());
}

// The server's certificate changes: the open connection continues; a new one gets the new
// certificate and accepts it after the authorities' file was rotated too.
TEST_F(ApiClientTest, CertificatesRotate) {
  const auto newAuthority = testing::makeAuthority();
  write("ca", authority().certificatePem);
  config.authorities = {"", file("ca")};
  auto& server = serve(serverOf(authority(), "IP:127.0.0.1"));
  use(server);
  const auto answers = ask(4, [&](int i, ApiClient& client) {
    if (i == 1) server.use(serverOf(newAuthority, "IP:127.0.0.1"));
    if (i == 2) client.renewCredentials();  // ends the connection
    if (i == 3) write("ca", authority().certificatePem + newAuthority.certificatePem);
  });
  EXPECT_EQ(answers[0], "200 ok");
  EXPECT_EQ(answers[1], "200 ok");
  EXPECT_TRUE(has(answers[2], "cannot verify the server's certificate")) << answers[2];
  EXPECT_EQ(answers[3], "200 ok");
}

TEST_F(ApiClientTest, ConnectionIsReused) {
  rest = 50ms;
  for (const bool tls : {false, true}) {
    config.servers.clear();
    auto& server = serve(tls ? std::optional(serverOf(authority(), "IP:127.0.0.1")) : std::nullopt);
    use(server, "127.0.0.1", tls);
    EXPECT_EQ(ask(3), (std::vector<std::string>{"200 ok", "200 ok", "200 ok"}));
    EXPECT_EQ(server.connections, 1U);
  }
}

// A response without a request, after a valid one, must not become the response to the next
// request.
TEST_F(ApiClientTest, UnrequestedResponseIsIgnored) {
  rest = 200ms;
  for (const bool tls : {false, true}) {
    config.servers.clear();
    const auto script = [](Exchange& exchange) -> Task<> {
      co_await exchange.answer(200, "ok");
      co_await base::sleepFor(50ms);
      co_await exchange.answer(200, "of nothing");
    };
    auto& server =
        serve(tls ? std::optional(serverOf(authority(), "IP:127.0.0.1")) : std::nullopt, script);
    use(server, "127.0.0.1", tls);
    EXPECT_EQ(ask(2), (std::vector<std::string>{"200 ok", "200 ok"})) << tls;
    EXPECT_EQ(server.connections, 2U);
  }
}

TEST_F(ApiClientTest, ClientCertificateIsSent) {
  const auto client = testing::issue(authority(), "system:node:n1", "");
  auto tls = serverOf(authority(), "IP:127.0.0.1");
  tls.clientAuthorityPem = authority().certificatePem;
  auto& server = serve(tls);
  use(server);
  EXPECT_TRUE(has(askOnce(), "error: "));
  config.clientCertificate.text = client.certificatePem;
  config.clientKey.text = client.keyPem;
  auto& second = serve(tls);
  config.servers.clear();
  use(second);
  EXPECT_EQ(askOnce(), "200 ok");
  EXPECT_EQ(second.log.at(0).commonName, "system:node:n1");
}

// Without a certificate the client would be anonymous.
TEST_F(ApiClientTest, AnEmptyClientCertificateIsAnError) {
  const auto client = testing::issue(authority(), "system:node:n1", "");
  config.clientCertificate = {"", file("cert")};
  config.clientKey = {"", file("key")};
  auto& server = serve(serverOf(authority(), "IP:127.0.0.1"));
  use(server);
  const auto answers = ask(3, [&](int i, ApiClient&) {
    write("cert", i == 0 ? "" : i == 1 ? client.keyPem : client.certificatePem);
    write("key", i == 2 ? "" : client.keyPem);
  });
  EXPECT_TRUE(has(answers.at(0), "/cert is empty: it must contain")) << answers.at(0);
  EXPECT_TRUE(has(answers.at(1), "/cert is not PEM: it must contain")) << answers.at(1);
  EXPECT_TRUE(has(answers.at(2), "/key is empty: it must contain")) << answers.at(2);
  EXPECT_TRUE(server.log.empty());
}

// OpenSSL would ask for the password at the terminal or, without one, read it from standard input.
TEST_F(ApiClientTest, EncryptedKeyIsAnError) {
  const auto client = testing::issue(authority(), "system:node:n1", "");
  config.clientCertificate.text = client.certificatePem;
  config.clientKey.text = testing::encrypted(client.keyPem, "secret");
  use(serve(serverOf(authority(), "IP:127.0.0.1")));
  int ends[2] = {};
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "secret\n", 7), 7);
  const int before = ::dup(STDIN_FILENO);
  ::dup2(ends[0], STDIN_FILENO);
  const std::string answer = askOnce();
  ::dup2(before, STDIN_FILENO);
  for (const int fd : {ends[0], ends[1], before}) ::close(fd);
  EXPECT_TRUE(has(answer, "the client key is not valid PEM, is encrypted")) << answer;
}

TEST_F(ApiClientTest, TokenFileIsReadForEveryRequest) {
  write("token", "one\n");
  config.tokenFile = file("token");
  auto& server = serve(std::nullopt);
  use(server, "127.0.0.1", false);
  ask(2, [&](int i, ApiClient&) {
    if (i == 1) write("token", "two");
  });
  ASSERT_EQ(server.log.size(), 2U);
  EXPECT_EQ(server.log[0].authorization, "Bearer one");
  EXPECT_EQ(server.log[1].authorization, "Bearer two");
  EXPECT_EQ(server.connections, 1U);
}

TEST_F(ApiClientTest, InvalidTokenIsRejectedWithoutPrintingIt) {
  write("token", "secret\r\nX-Evil: 1");
  config.tokenFile = file("token");
  use(serve(std::nullopt), "127.0.0.1", false);
  const auto answers = ask(3, [&](int i, ApiClient&) {
    if (i == 1) write("token", "\n");
    if (i == 2) std::filesystem::remove(file("token"));
  });
  for (const auto& answer : answers) {
    EXPECT_TRUE(has(answer, "error: ") && has(answer, "token")) << answer;
    EXPECT_FALSE(has(answer, "secret"));
  }
}

TEST_F(ApiClientTest, ExecPluginRunsOnceAndAgainAfterUnauthorized) {
  write("plugin",
        "#!/bin/sh\n[ \"$1\" = x ] && [ \"$WHO\" = kpol ] || exit 3\n"
        "echo \"$KUBERNETES_EXEC_INFO\" > \"$0.asked\"\necho >> \"$0.times\"\n"
        "echo '{\"kind\":\"ExecCredential\",\"apiVersion\":\"client.authentication.k8s.io/v1\","
        "\"status\":{\"token\":\"t'$(wc -l < \"$0.times\")'\"}}'\n");
  ::chmod(file("plugin").c_str(), 0700);
  config.exec =
      ExecPlugin{"client.authentication.k8s.io/v1", file("plugin"), {"x"}, {{"WHO", "kpol"}}};
  auto& server = serve(std::nullopt);
  use(server, "127.0.0.1", false);
  const auto answers = ask(3, [&](int i, ApiClient& client) {
    if (i == 2) client.renewCredentials();
  });
  EXPECT_EQ(answers[2], "200 ok") << answers[2];
  ASSERT_EQ(server.log.size(), 3U);
  EXPECT_EQ(server.log[0].authorization, "Bearer t1");
  EXPECT_EQ(server.log[1].authorization, "Bearer t1");
  EXPECT_EQ(server.log[2].authorization, "Bearer t2");
}

TEST_F(ApiClientTest, ExecPluginFailureIsReported) {
  use(serve(std::nullopt), "127.0.0.1", false);
  config.exec = ExecPlugin{"v1", "/bin/false", {}, {}};
  EXPECT_TRUE(has(askOnce(), "exec plugin /bin/false: exited with status 1"));
}

TEST_F(ApiClientTest, MissingExecPlugin) {
  use(serve(std::nullopt), "127.0.0.1", false);
  config.exec = ExecPlugin{"v1", "/nonexistent/plugin", {}, {}};
  EXPECT_TRUE(has(askOnce(), "exec plugin /nonexistent/plugin: cannot be run: No such file"));
}

TEST_F(ApiClientTest, RespondingServerOfSeveralIsUsed) {
  // A port without a server, one whose server is silent, one whose server responds.
  std::uint16_t closed = 0;
  {
    base::asio::io_context io;
    ScriptedServer gone(io, ok);
    closed = gone.port();
    gone.stop();
    io.run_for(5s);
  }
  patience = 200ms;
  auto& silent = serve(std::nullopt, [](Exchange& exchange) { return exchange.hang(); });
  auto& good = serve(std::nullopt);
  config.servers = {{false, "127.0.0.1", closed, {}}};
  use(silent, "127.0.0.1", false);
  use(good, "127.0.0.1", false);
  const auto answers = ask(2);
  EXPECT_EQ(answers, (std::vector<std::string>{"200 ok", "200 ok"}));
  EXPECT_EQ(silent.log.size(), 1U);
  EXPECT_EQ(good.connections, 1U);
}

TEST_F(ApiClientTest, EndlessHandshakeTimesOut) {
  patience = 100ms;
  auto& silent = serve(std::nullopt, [](Exchange& exchange) { return exchange.hang(); });
  use(silent);
  EXPECT_TRUE(has(askOnce(), "error: "));
}

}  // namespace
}  // namespace kpol::kube
