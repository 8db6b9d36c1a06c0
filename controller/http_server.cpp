// SPDX-License-Identifier: Apache-2.0
#include "controller/http_server.hpp"

#include "base/async/event.hpp"
#include "base/async/race.hpp"
#include "base/log.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/write.hpp>

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <variant>

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

// Its use count is the number of open connections plus one.
using Slot = std::shared_ptr<const std::monostate>;

Task<> converse(Socket socket, HttpHandler handler, [[maybe_unused]] Slot slot) {
  RequestParser parser;
  for (bool keepAlive = true; keepAlive;) {
    std::optional<Request> request = co_await readRequest(socket, parser);
    std::optional<Response> response = parser.failure();
    keepAlive = request && request->keepAlive;
    if (request) response = co_await answer(socket, handler, *std::move(request));
    if (!response) co_return;
    const std::string text = print(*response, keepAlive);
    const bool written = co_await writeAll(socket, text);
    if (!written) co_return;
  }
}

// accept(2) most likely failed for lack of descriptors; connections that end release some.
constexpr auto kAcceptPause = 100ms;

}  // namespace

Task<> serve(base::UniqueFd listener, HttpHandler handler, base::TaskGroup& connections,
             long mostConnections) {
  Acceptor acceptor(co_await base::asio::this_coro::executor);
  // Nothing below depends on the address family.
  acceptor.assign(Protocol(AF_UNSPEC, 0), listener.value());
  static_cast<void>(listener.release());
  const Slot slot = std::make_shared<const std::monostate>();
  for (;;) {
    auto [error, socket] =
        co_await acceptor.async_accept(base::asio::as_tuple(base::asio::use_awaitable));
    if (!error) {
      const bool full = slot.use_count() > mostConnections;  // if full, the socket is closed here
      if (!full) connections.spawn(converse(std::move(socket), handler, slot));
      continue;
    }
    if (base::isCancelled(error)) co_return;
    base::logWarn("cannot accept a connection",
                  {{"errno", error.value()}, {"error", error.message()}});
    co_await base::sleepFor(kAcceptPause);
  }
}

}  // namespace kpol::controller
