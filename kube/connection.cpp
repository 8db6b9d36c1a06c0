// SPDX-License-Identifier: Apache-2.0
#include "kube/connection.hpp"

#include "base/async/race.hpp"
#include "kube/api_error.hpp"
#include "kube/tls_context.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <tuple>

namespace kpol::kube {
namespace {

using base::Task;
using base::asio::ip::tcp;
namespace ssl = base::asio::ssl;
using ErrorCode = boost::system::error_code;

constexpr auto kToken = base::asio::as_tuple(base::asio::use_awaitable);

// The kernel detects within a minute that the peer is gone, even if there is nothing to send: a
// watch may be silent for a long time.
constexpr int kKeepIdleSeconds = 30;
constexpr int kKeepIntervalSeconds = 10;
constexpr int kKeepProbes = 3;
constexpr int kUnackedMilliseconds = 30000;

// inTime() has already handled an expired deadline, so operation_aborted here means that the
// coroutine itself was cancelled.
[[noreturn]] void fail(const std::string& what, const ErrorCode& error) {
  if (base::isCancelled(error)) throw boost::system::system_error(error);
  throw ApiError(what + ": " + error.message());
}

void setOption(int fd, int level, int option, int value) {
  // If the kernel rejects an option its default remains; the deadline of each call applies anyway.
  static_cast<void>(::setsockopt(fd, level, option, &value, sizeof value));
}

void tune(tcp::socket& socket) {
  const int fd = socket.native_handle();
  ::fcntl(fd, F_SETFD, FD_CLOEXEC);
  setOption(fd, IPPROTO_TCP, TCP_NODELAY, 1);
  setOption(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
  setOption(fd, IPPROTO_TCP, TCP_KEEPIDLE, kKeepIdleSeconds);
  setOption(fd, IPPROTO_TCP, TCP_KEEPINTVL, kKeepIntervalSeconds);
  setOption(fd, IPPROTO_TCP, TCP_KEEPCNT, kKeepProbes);
  setOption(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, kUnackedMilliseconds);
}

// Returns the operation's result. Throws ApiError if it was not complete in time.
template <class Result>
Result inTime(std::optional<Result> result, const char* what) {
  if (!result) throw ApiError(std::string("timeout while ") + what);
  return *std::move(result);
}

using TlsStream = ssl::stream<tcp::socket>;

bool isQuiet(tcp::socket& socket) {
  char byte = 0;
  const auto size = ::recv(socket.native_handle(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return size < 0 && errno == EAGAIN;
}

// Also checks for bytes that are received but still encrypted.
bool isQuiet(TlsStream& stream) {
  SSL* handle = stream.native_handle();
  const bool waits =
      ::SSL_has_pending(handle) == 1 || ::BIO_ctrl_pending(::SSL_get_rbio(handle)) > 0;
  return !waits && isQuiet(stream.next_layer());
}

template <class Stream>
class Link final : public Connection {
 public:
  // `context` lives as long as the stream created from it.
  Link(std::unique_ptr<ssl::context> context, Stream stream)
      : context_(std::move(context)), stream_(std::move(stream)) {}

  Task<> write(std::string text, Time deadline) override {
    auto result =
        co_await base::unless(base::sleepUntil(deadline),
                              base::asio::async_write(stream_, base::asio::buffer(text), kToken));
    const auto [error, size] = inTime(std::move(result), "sending the request");
    if (error) fail("cannot send a request", error);
  }

  Task<std::size_t> read(std::span<char> room, Time deadline, base::Event& interrupt) override {
    std::optional<bool> interrupted;
    auto result = co_await base::unless(
        base::keep(interrupt.waitUntil(deadline), interrupted),
        stream_.async_read_some(base::asio::buffer(room.data(), room.size()), kToken));
    if (!result && interrupted == true) throw Interrupted();
    const auto [error, size] = inTime(std::move(result), "waiting for the response");
    if (error == base::asio::error::eof) co_return 0;
    if (error) fail("the connection failed", error);
    co_return size;
  }

  bool quiet() override { return isQuiet(stream_); }

 private:
  std::unique_ptr<ssl::context> context_;
  Stream stream_;
};

Task<tcp::socket> connect(const ServerUrl& url, Connection::Time deadline) {
  const auto executor = co_await base::asio::this_coro::executor;
  tcp::resolver resolver(executor);
  const std::string port = std::to_string(url.port);
  auto found = co_await base::unless(base::sleepUntil(deadline),
                                     resolver.async_resolve(url.host, port, kToken));
  const auto [resolveError, endpoints] = inTime(std::move(found), "resolving the host name");
  if (resolveError) fail("cannot resolve the host name", resolveError);
  tcp::socket socket(executor);
  auto connected = co_await base::unless(base::sleepUntil(deadline),
                                         base::asio::async_connect(socket, endpoints, kToken));
  const auto [connectError, endpoint] = inTime(std::move(connected), "connecting");
  if (connectError) fail("cannot connect", connectError);
  tune(socket);
  co_return socket;
}

// Throws the reason why a handshake failed; if the certificate was not accepted, OpenSSL's message.
[[noreturn]] void failHandshake(SSL* handle, const ErrorCode& error) {
  const long verified = ::SSL_get_verify_result(handle);
  if (verified == X509_V_OK) fail("the TLS handshake failed", error);
  throw ApiError(std::string("cannot verify the server's certificate: ") +
                 ::X509_verify_cert_error_string(verified));
}

void expectServer(TlsStream& stream, const std::string& name, bool skipVerify) {
  const bool isAddress = [&] {
    ErrorCode error;
    base::asio::ip::make_address(name, error);
    return !error;
  }();
  if (!isAddress) ::SSL_set_tlsext_host_name(stream.native_handle(), name.c_str());
  if (skipVerify) {
    stream.set_verify_mode(ssl::verify_none);
    return;
  }
  stream.set_verify_mode(ssl::verify_peer);
  // Use OpenSSL's own check of the name, which reports a wrong name and a bad signature as
  // different errors.
  X509_VERIFY_PARAM* parameters = ::SSL_get0_param(stream.native_handle());
  const int done = isAddress ? ::X509_VERIFY_PARAM_set1_ip_asc(parameters, name.c_str())
                             : ::X509_VERIFY_PARAM_set1_host(parameters, name.data(), name.size());
  if (done != 1) throw ApiError("cannot verify the server's name: " + name);
}

}  // namespace

Task<std::unique_ptr<Connection>> Connection::open(ServerUrl url, TlsSettings tls, Time deadline) {
  tcp::socket socket = co_await connect(url, deadline);
  if (!url.tls) {
    co_return std::make_unique<Link<tcp::socket>>(nullptr, std::move(socket));
  }
  auto context = makeTlsContext(tls);
  TlsStream stream(std::move(socket), *context);
  expectServer(stream, tls.serverName.empty() ? url.host : tls.serverName, tls.skipVerify);
  auto result = co_await base::unless(base::sleepUntil(deadline),
                                      stream.async_handshake(ssl::stream_base::client, kToken));
  const auto [error] = inTime(std::move(result), "performing the TLS handshake");
  if (error) failHandshake(stream.native_handle(), error);
  co_return std::make_unique<Link<TlsStream>>(std::move(context), std::move(stream));
}

}  // namespace kpol::kube
