// SPDX-License-Identifier: Apache-2.0
#include "control/client.hpp"

#include "tests/control/unix_server.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kpol::control {
namespace {

using std::chrono::milliseconds;
using test::httpAnswer;
using test::UnixServer;

constexpr milliseconds kAmple{20000};

struct Failure {
  std::string what;
  bool connected = false;
};

Failure failureOf(const std::string& path, milliseconds deadline, const std::string& body = {}) {
  try {
    const auto response = request(path, "PUT", "/v1/x", body, deadline);
    ADD_FAILURE() << "response " << response.status;
  } catch (const Unreachable& error) {
    return {error.what(), error.connected()};
  }
  return {};
}

TEST(Client, SendsOneRequestAndReadsItsResponse) {
  std::string received;
  {
    UnixServer server([&](UnixServer::Connection& connection) {
      received = connection.readRequest();
      connection.write(httpAnswer(504, R"({"error":"pod not known"})"));
    });
    const auto response =
        request(server.path(), "PUT", "/v1/attachments?timeout=29", R"({"a":1})", kAmple);
    EXPECT_EQ(response.status, 504U);
    EXPECT_EQ(response.body, R"({"error":"pod not known"})");
  }
  EXPECT_EQ(received,
            "PUT /v1/attachments?timeout=29 HTTP/1.1\r\nHost: kpold\r\nConnection: close\r\n"
            "Content-Type: application/json\r\nContent-Length: 7\r\n\r\n{\"a\":1}");
}

TEST(Client, SendsNoEmptyBody) {
  std::string received;
  {
    UnixServer server([&](UnixServer::Connection& connection) {
      received = connection.readRequest();
      connection.write(httpAnswer(200, ""));
    });
    EXPECT_EQ(request(server.path(), "GET", "/v1/status", "", kAmple).body, "");
  }
  EXPECT_EQ(received,
            "GET /v1/status HTTP/1.1\r\nHost: kpold\r\nConnection: close\r\n"
            "Content-Length: 0\r\n\r\n");
}

TEST(Client, ReadsAResponseInPieces) {
  UnixServer server([](UnixServer::Connection& connection) {
    (void)connection.readRequest();
    for (const char c : httpAnswer(200, R"({"generation":12})"))
      connection.write(std::string_view(&c, 1));
  });
  EXPECT_EQ(request(server.path(), "GET", "/", "", kAmple).body, R"({"generation":12})");
}

TEST(Client, ReadsChunkedResponsesAndThoseThatEndWithTheConnection) {
  for (
      const char* answer :
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\n\r\n",
       "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabcdefg", "HTTP/1.0 200 OK\r\n\r\nabcdefg"}) {
    UnixServer server([&](UnixServer::Connection& connection) {
      (void)connection.readRequest();
      connection.write(answer);
    });
    EXPECT_EQ(request(server.path(), "GET", "/", "", kAmple).body, "abcdefg") << answer;
  }
}

TEST(Client, SendsAndReceivesLargeBodies) {
  const std::string large(8 << 20, 'x');
  std::size_t received = 0;
  {
    UnixServer server([&](UnixServer::Connection& connection) {
      received = connection.readRequest().size();
      connection.write(httpAnswer(200, large));
    });
    EXPECT_EQ(request(server.path(), "PUT", "/", large, kAmple).body, large);
  }
  EXPECT_GT(received, large.size());
}

TEST(Client, ReadsAnEarlyResponse) {
  UnixServer server([](UnixServer::Connection& connection) {
    connection.write(httpAnswer(413, "too much"));
    (void)connection.readUntil("\r\n\r\n");
  });
  const auto response = request(server.path(), "PUT", "/", std::string(32 << 20, 'x'), kAmple);
  EXPECT_EQ(response.status, 413U);
}

TEST(Client, FailsAtOnceIfNoServerListens) {
  const auto absent = failureOf("/tmp/kpol-test-no-such-directory/kpold.sock", kAmple);
  EXPECT_EQ(absent.what,
            "kpold at /tmp/kpol-test-no-such-directory/kpold.sock: cannot connect: No such file or "
            "directory");
  EXPECT_FALSE(absent.connected);
  EXPECT_FALSE(failureOf("/tmp", kAmple).connected);  // connection refused: no socket
  EXPECT_THAT(failureOf("/" + std::string(200, 'x'), kAmple).what,
              testing::EndsWith("the path is too long: File name too long"));
}

TEST(Client, FailsIfTheResponseIsLate) {
  const auto silent = [](UnixServer::Connection& connection) { connection.waitForHangup(); };
  const auto half = [](UnixServer::Connection& connection) {
    connection.write("HTTP/1.1 200 OK\r\nContent-Le");
    connection.waitForHangup();
  };
  const auto endless = [](UnixServer::Connection& connection) {
    connection.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    while (connection.write("1\r\nx\r\n")) continue;
  };
  for (const UnixServer::Handler& handler :
       {UnixServer::Handler(silent), UnixServer::Handler(half), UnixServer::Handler(endless)}) {
    UnixServer server(handler);
    const auto failure = failureOf(server.path(), milliseconds(50));
    EXPECT_TRUE(failure.connected);
    EXPECT_EQ(failure.what,
              "kpold at " + server.path() + ": no response in time: Connection timed out");
  }
}

TEST(Client, FailsIfTheRequestCannotBeSentInTime) {
  UnixServer server([](UnixServer::Connection& connection) {
    (void)connection.readUntil("\r\n\r\n");
    connection.write("HTTP/1.1 100 Continue\r\n");
    connection.waitForHangup();
  });
  EXPECT_TRUE(failureOf(server.path(), milliseconds(100), std::string(64 << 20, 'x')).connected);
}

TEST(Client, FailsOnTruncatedResponses) {
  for (const char* answer : {"", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
                             "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"}) {
    UnixServer server([&](UnixServer::Connection& connection) {
      (void)connection.readRequest();
      connection.write(answer);
    });
    const auto failure = failureOf(server.path(), kAmple);
    EXPECT_TRUE(failure.connected) << answer;
    EXPECT_THAT(failure.what, testing::HasSubstr("closed the connection before")) << answer;
  }
}

TEST(Client, FailsOnInvalidResponses) {
  for (const std::string& answer :
       {std::string("hello\r\n\r\n"), std::string("HTTP/1.1 2x0 OK\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"),
        std::string("HTTP/1.1 200 OK\r\nContent-Length: 268435457\r\n\r\n"),  // 256 MiB and one
        "HTTP/1.1 200 OK\r\nX: " + std::string(100000, 'x') + "\r\n\r\n"}) {
    UnixServer server([&](UnixServer::Connection& connection) {
      (void)connection.readRequest();
      connection.write(answer);
      connection.waitForHangup();
    });
    const auto failure = failureOf(server.path(), kAmple);
    EXPECT_TRUE(failure.connected);
    EXPECT_THAT(failure.what, testing::HasSubstr("not an HTTP response")) << answer.substr(0, 60);
  }
}

TEST(ClientDeathTest, RejectsRequestLinesWithBlanks) {
  EXPECT_DEATH((void)request("/x", "GET", "/a b", "", kAmple), "a request line has no blanks");
  EXPECT_DEATH((void)request("/x", "GET", "/a\r\nX: y", "", kAmple), "no blanks");
}

}  // namespace
}  // namespace kpol::control
