// SPDX-License-Identifier: Apache-2.0
// The server over real Unix sockets, in one thread with its clients.
#include "controller/http_server.hpp"

#include "base/async/asio.hpp"
#include "base/async/event.hpp"
#include "tests/controller/temporary_directory.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gtest/gtest.h>

#include <string>

namespace kpol::controller {
namespace {

using namespace base::asio::experimental::awaitable_operators;
using base::Task;
using base::asio::local::stream_protocol;

// Marks that a handler was cancelled while it waited.
struct Watch {
  explicit Watch(bool& ended) : ended_(ended) {}
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  ~Watch() { ended_ = true; }

 private:
  bool& ended_;
};

class HttpServerTest : public testing::Test {
 protected:
  HttpServerTest() {
    group.spawn(serve(
        base::UniqueFd(stream_protocol::acceptor(io, stream_protocol::endpoint(path())).release()),
        [this](Request request) { return handle(std::move(request)); }, group,
        kMostLocalConnections));
  }

  std::string path() const { return directory.path() / "s"; }

  Task<Response> handle(Request request) {
    Response response;
    response.body = request.method + " " + request.target + " " + request.body;
    if (request.target == "/wait") {
      const Watch watch(handlerEnded);
      handlerStarted = true;
      started.notify();
      co_await release.waitUntil(base::Event::kNever);
    }
    co_return response;
  }

  // Sends, and reads until the server closes.
  Task<> exchange(std::string bytes, std::string& answer) {
    stream_protocol::socket socket(io);
    co_await socket.async_connect(stream_protocol::endpoint(path()), base::asio::use_awaitable);
    co_await base::asio::async_write(socket, base::asio::buffer(bytes), base::asio::use_awaitable);
    co_await base::asio::async_read(socket, base::asio::dynamic_buffer(answer),
                                    base::asio::as_tuple(base::asio::use_awaitable));
    group.cancel();
  }

  // Disconnects while the handler waits.
  Task<> abandon() {
    stream_protocol::socket socket(io);
    const std::string bytes = "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n";
    co_await socket.async_connect(stream_protocol::endpoint(path()), base::asio::use_awaitable);
    co_await base::asio::async_write(socket, base::asio::buffer(bytes), base::asio::use_awaitable);
    while (!handlerStarted) co_await started.waitUntil(base::Event::kNever);
    socket.close();
  }

  TemporaryDirectory directory;
  base::asio::io_context io;
  base::TaskGroup group{io.get_executor()};
  base::Event started;
  base::Event release;
  bool handlerStarted = false;
  bool handlerEnded = false;
};

TEST_F(HttpServerTest, RespondsToEveryRequestOfAConnection) {
  std::string answer;
  group.spawn(
      exchange("GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
               "PUT /b HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: "
               "close\r\n\r\nhi",
               answer));
  io.run();
  EXPECT_EQ(answer,
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 7\r\n"
            "Connection: keep-alive\r\n\r\nGET /a "
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n"
            "Connection: close\r\n\r\nPUT /b hi");
}

TEST_F(HttpServerTest, RespondsToGarbageAndCloses) {
  std::string answer;
  group.spawn(exchange("garbage\r\n\r\n", answer));
  io.run();
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 Bad Request\r\n")) << answer;
}

// Idle clients cannot keep others out.
TEST_F(HttpServerTest, ANewConnectionTakesThePlaceOfTheOneIdleLongest) {
  const stream_protocol::endpoint other((directory.path() / "two").string());
  group.spawn(serve(
      base::UniqueFd(stream_protocol::acceptor(io, other).release()),
      [this](Request request) { return handle(std::move(request)); }, group, 2));
  bool oldestClosed = false;
  std::string answers;
  const auto test = [&]() -> Task<> {
    stream_protocol::socket busy(io), oldest(io), newest(io);
    const std::string wait = "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n";
    const std::string request = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    co_await busy.async_connect(other, base::asio::use_awaitable);
    co_await base::asio::async_write(busy, base::asio::buffer(wait), base::asio::use_awaitable);
    while (!handlerStarted) co_await started.waitUntil(base::Event::kNever);
    co_await oldest.async_connect(other, base::asio::use_awaitable);
    co_await newest.async_connect(other, base::asio::use_awaitable);
    char byte = 0;
    const auto [error, size] = co_await oldest.async_read_some(
        base::asio::buffer(&byte, 1), base::asio::as_tuple(base::asio::use_awaitable));
    oldestClosed = size == 0 && error;
    release.notify();
    co_await base::asio::async_write(newest, base::asio::buffer(request),
                                     base::asio::use_awaitable);
    co_await base::asio::async_read(newest, base::asio::dynamic_buffer(answers),
                                    base::asio::as_tuple(base::asio::use_awaitable));
    group.cancel();
  };
  group.spawn(test());
  io.run_for(std::chrono::seconds(30));
  EXPECT_TRUE(oldestClosed);
  EXPECT_TRUE(answers.ends_with("\r\n\r\nGET / ")) << answers;
}

// Nor can they end a handler.
TEST_F(HttpServerTest, ANewConnectionIsClosedWhileAllHandlersRun) {
  const stream_protocol::endpoint other((directory.path() / "one").string());
  group.spawn(serve(
      base::UniqueFd(stream_protocol::acceptor(io, other).release()),
      [this](Request request) { return handle(std::move(request)); }, group, 1));
  std::string answer;
  const auto test = [&]() -> Task<> {
    stream_protocol::socket busy(io), late(io);
    const std::string wait = "GET /wait HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    co_await busy.async_connect(other, base::asio::use_awaitable);
    co_await base::asio::async_write(busy, base::asio::buffer(wait), base::asio::use_awaitable);
    while (!handlerStarted) co_await started.waitUntil(base::Event::kNever);
    co_await late.async_connect(other, base::asio::use_awaitable);
    char byte = 0;
    co_await late.async_read_some(base::asio::buffer(&byte, 1),
                                  base::asio::as_tuple(base::asio::use_awaitable));
    EXPECT_FALSE(handlerEnded);
    release.notify();
    co_await base::asio::async_read(busy, base::asio::dynamic_buffer(answer),
                                    base::asio::as_tuple(base::asio::use_awaitable));
    group.cancel();
  };
  group.spawn(test());
  io.run_for(std::chrono::seconds(30));
  EXPECT_TRUE(answer.ends_with("\r\n\r\nGET /wait ")) << answer;
}

TEST_F(HttpServerTest, CancelsTheHandlerWhenTheClientIsGone) {
  group.spawn(abandon());
  while (!handlerEnded && io.run_one() > 0) continue;
  EXPECT_TRUE(handlerStarted);
  EXPECT_TRUE(handlerEnded);
  group.cancel();
  io.run();
  EXPECT_EQ(group.size(), 0U);
}

TEST_F(HttpServerTest, StopEndsHandlersAndConnections) {
  std::string answer;
  group.spawn(exchange("GET /wait HTTP/1.1\r\nHost: x\r\n\r\n", answer));
  while (!handlerStarted && io.run_one() > 0) continue;
  group.cancel();
  io.run();
  EXPECT_TRUE(handlerEnded);
  EXPECT_EQ(answer, "");
  EXPECT_EQ(group.size(), 0U);
}

}  // namespace
}  // namespace kpol::controller
