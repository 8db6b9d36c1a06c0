// SPDX-License-Identifier: Apache-2.0
#include "controller/http_server.hpp"

#include "base/async/event.hpp"
#include "base/async/race.hpp"
#include "base/log.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace kpol::controller {
namespace {

using namespace std::chrono_literals;
using base::Task;
using Protocol = base::asio::generic::stream_protocol;
using Socket = Protocol::socket;
using Acceptor = base::asio::basic_socket_acceptor<Protocol>;

// Limits waits for the client, not for a handler: some handlers take much longer.
constexpr auto kClientPatience = 30s;

// Returns the bytes read, or nullopt if the client closed the connection, failed or took too long.
Task<std::optional<std::string>> readSome(Socket& socket, base::Event::Time deadline) {
  std::array<char, 16384> buffer;
  auto result = co_await base::unless(
      base::sleepUntil(deadline),
      socket.async_read_some(base::asio::buffer(buffer),
                             base::asio::as_tuple(base::asio::use_awaitable)));
  std::optional<std::string> bytes;
  if (result) {
    const auto& [error, size] = *result;
    if (!error) bytes.emplace(buffer.data(), size);
  }
  co_return bytes;
}

Task<bool> writeAll(Socket& socket, const std::string& text) {
  auto result = co_await base::unless(
      base::sleepFor(kClientPatience),
      base::asio::async_write(socket, base::asio::buffer(text),
                              base::asio::as_tuple(base::asio::use_awaitable)));
  co_return result && !std::get<0>(*result);
}

// Returns when the client has closed its end. If bytes of a next request arrive, it waits until
// cancelled: a close that follows them cannot be detected without reading them.
Task<> closed(Socket& socket) {
  co_await socket.async_wait(Socket::wait_read, base::asio::as_tuple(base::asio::use_awaitable));
  char byte = 0;
  boost::system::error_code error;
  socket.non_blocking(true, error);
  const std::size_t pending =
      socket.receive(base::asio::buffer(&byte, 1), Socket::message_peek, error);
  if (pending == 0) co_return;
  base::Event never;
  co_await never.waitUntil(base::Event::kNever);
}

// Returns nullopt if the client closed the connection before the response was ready.
Task<std::optional<Response>> answer(Socket& socket, const HttpHandler& handler, Request request) {
  return base::unless(closed(socket), handler(std::move(request)));
}

// Returns the next request, or nullopt if the connection must be closed; `parser` has the error if
// the client sent an invalid request.
Task<std::optional<Request>> readRequest(Socket& socket, RequestParser& parser) {
  const auto deadline = std::chrono::steady_clock::now() + kClientPatience;
  std::optional<Request> request = parser.next();
  while (!request && !parser.failure()) {
    const std::optional<std::string> bytes = co_await readSome(socket, deadline);
    if (!bytes) break;
    parser.feed(*bytes);
    request = parser.next();
  }
  co_return request;
}

// One open connection. While it waits for its client, it may be closed to make room for another.
class Connection;

// The open connections of one listener.
class Connections {
 public:
  explicit Connections(std::size_t most) : most_(most) {}
  // Returns false if there is no room and no connection that waits for its client.
  bool makeRoom();
  void add(Connection& connection) { open_.push_back(&connection); }
  void remove(Connection& connection) { std::erase(open_, &connection); }

 private:
  std::size_t most_;
  std::vector<Connection*> open_;
};

class Connection {
 public:
  Connection(Socket socket, std::shared_ptr<Connections> all)
      : socket_(std::move(socket)), all_(std::move(all)) {
    all_->add(*this);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection() { all_->remove(*this); }

  Socket& socket() { return socket_; }
  void waitForClient() { waitingSince_ = std::chrono::steady_clock::now(); }
  void work() { waitingSince_ = base::Event::kNever; }
  // kNever: its handler runs.
  [[nodiscard]] base::Event::Time waitingSince() const { return waitingSince_; }
  // Makes its read or write fail, which ends its coroutine.
  void yield() {
    boost::system::error_code ignored;
    socket_.close(ignored);
  }

 private:
  Socket socket_;
  std::shared_ptr<Connections> all_;
  base::Event::Time waitingSince_ = std::chrono::steady_clock::now();
};

bool Connections::makeRoom() {
  if (open_.size() < most_) return true;
  const auto idlest = std::ranges::min_element(open_, {}, &Connection::waitingSince);
  if (idlest == open_.end() || (*idlest)->waitingSince() == base::Event::kNever) return false;
  Connection& connection = **idlest;
  open_.erase(idlest);
  connection.yield();
  return true;
}

Task<> converse(Socket socket, HttpHandler handler, std::shared_ptr<Connections> all) {
  Connection connection(std::move(socket), std::move(all));
  RequestParser parser;
  for (bool keepAlive = true; keepAlive;) {
    connection.waitForClient();
    std::optional<Request> request = co_await readRequest(connection.socket(), parser);
    std::optional<Response> response = parser.failure();
    keepAlive = request && request->keepAlive;
    connection.work();
    if (request) response = co_await answer(connection.socket(), handler, *std::move(request));
    if (!response) co_return;
    const std::string text = print(*response, keepAlive);
    connection.waitForClient();
    const bool written = co_await writeAll(connection.socket(), text);
    if (!written) co_return;
  }
}

// accept(2) most likely failed for lack of descriptors; connections that end release some.
constexpr auto kAcceptPause = 100ms;

}  // namespace

Task<> serve(base::UniqueFd listener, HttpHandler handler, base::TaskGroup& connections,
             std::size_t mostConnections) {
  Acceptor acceptor(co_await base::asio::this_coro::executor);
  // Nothing below depends on the address family.
  acceptor.assign(Protocol(AF_UNSPEC, 0), listener.value());
  static_cast<void>(listener.release());
  const auto all = std::make_shared<Connections>(mostConnections);
  for (;;) {
    auto [error, socket] =
        co_await acceptor.async_accept(base::asio::as_tuple(base::asio::use_awaitable));
    if (!error) {
      // Without room the socket is closed here.
      if (all->makeRoom()) connections.spawn(converse(std::move(socket), handler, all));
      continue;
    }
    if (base::isCancelled(error)) co_return;
    base::logWarn("cannot accept a connection",
                  {{"errno", error.value()}, {"error", error.message()}});
    co_await base::sleepFor(kAcceptPause);
  }
}

}  // namespace kpol::controller
