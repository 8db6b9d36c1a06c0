// SPDX-License-Identifier: Apache-2.0
#include "tests/kube/scripted_server.hpp"

#include "base/async/asio.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <fcntl.h>

namespace kpol::kube::testing {
namespace {

using base::Task;
using base::asio::ip::tcp;
namespace ssl = base::asio::ssl;

std::string unescaped(const std::string& text) {
  std::string result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    result += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
    i += 2;
  }
  return result;
}

// The value of a header, or empty.
std::string headerOf(const std::string& head, const std::string& name) {
  const auto at = head.find("\r\n" + name + ": ");
  if (at == head.npos) return {};
  const auto from = at + name.size() + 4;
  return head.substr(from, head.find("\r\n", from) - from);
}

Asked parseRequest(const std::string& head) {
  Asked asked;
  asked.method = head.substr(0, head.find(' '));
  const auto from = head.find(' ') + 1;
  const std::string target = head.substr(from, head.find(' ', from) - from);
  const auto question = std::min(target.find('?'), target.size());
  asked.path = target.substr(0, question);
  for (auto at = question; at < target.size();) {
    const auto end = std::min(target.find('&', at + 1), target.size());
    const auto equals = std::min(target.find('=', at), end);
    asked.query[target.substr(at + 1, equals - at - 1)] =
        equals == end ? "" : unescaped(target.substr(equals + 1, end - equals - 1));
    at = end;
  }
  asked.authorization = headerOf(head, "Authorization");
  return asked;
}

}  // namespace

template <class Stream>
class StreamExchange final : public Exchange {
 public:
  explicit StreamExchange(Stream& stream) : stream_(stream) {}
  Task<> send(std::string bytes) override {
    co_await base::asio::async_write(stream_, base::asio::buffer(bytes), base::asio::use_awaitable);
  }
  Task<> hang() override {
    char byte = 0;
    co_await stream_.async_read_some(base::asio::buffer(&byte, 1),
                                     base::asio::as_tuple(base::asio::use_awaitable));
    closes = true;
  }

 private:
  Stream& stream_;
};

Task<> Exchange::sendInParts(std::string bytes, std::size_t size) {
  for (std::size_t at = 0; at < bytes.size(); at += size) co_await send(bytes.substr(at, size));
}

Task<> Exchange::answer(unsigned status, std::string body, std::string headers) {
  std::string text = "HTTP/1.1 " + std::to_string(status) +
                     " X\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers +
                     "\r\n" + body;
  co_await send(std::move(text));
}

Task<> Exchange::begin(std::string headers) {
  std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" + headers + "\r\n";
  co_await send(std::move(text));
}

Task<> Exchange::chunk(std::string bytes) {
  std::array<char, 20> size{};
  std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
  std::string text = size.data() + bytes + "\r\n";
  co_await send(std::move(text));
}

Task<> Exchange::end() {
  co_await send("0\r\n\r\n");
}

struct ScriptedServer::State {
  State(base::asio::io_context& io, Script run, ScriptedServer& server, const tcp::endpoint& at)
      : script(std::move(run)), owner(server), acceptor(io, at), tasks(io.get_executor()) {
    ::fcntl(acceptor.native_handle(), F_SETFD, FD_CLOEXEC);  // a child would go on listening
  }

  void setTls(const ServerTls& tls) {
    context = std::make_shared<ssl::context>(ssl::context::tls_server);
    context->use_certificate_chain(base::asio::buffer(tls.certificatePem));
    context->use_private_key(base::asio::buffer(tls.keyPem), ssl::context::pem);
    if (tls.clientAuthorityPem.empty()) return;
    context->add_certificate_authority(base::asio::buffer(tls.clientAuthorityPem));
    context->set_verify_mode(ssl::verify_peer | ssl::verify_fail_if_no_peer_cert);
  }

  template <class Stream>
  Task<> converse(Stream& stream, std::string commonName) {
    std::string buffer;
    for (bool open = true; open;) {
      const std::size_t size = co_await base::asio::async_read_until(
          stream, base::asio::dynamic_buffer(buffer), "\r\n\r\n", base::asio::use_awaitable);
      StreamExchange<Stream> exchange(stream);
      exchange.asked = parseRequest(buffer.substr(0, size));
      exchange.asked.commonName = commonName;
      const std::string length = headerOf(buffer.substr(0, size), "Content-Length");
      buffer.erase(0, size);
      const std::size_t bodySize = length.empty() ? 0 : std::stoul(length);
      if (buffer.size() < bodySize)
        co_await base::asio::async_read(stream, base::asio::dynamic_buffer(buffer),
                                        base::asio::transfer_exactly(bodySize - buffer.size()),
                                        base::asio::use_awaitable);
      exchange.asked.body = buffer.substr(0, bodySize);
      buffer.erase(0, bodySize);
      owner.log.push_back(exchange.asked);
      co_await script(exchange);
      open = !exchange.closes;
    }
  }

  static std::string commonNameOf(SSL* handle) {
    std::unique_ptr<X509, decltype(&X509_free)> peer(SSL_get1_peer_certificate(handle), X509_free);
    if (!peer) return {};
    std::array<char, 256> name{};
    X509_NAME_get_text_by_NID(X509_get_subject_name(peer.get()), NID_commonName, name.data(),
                              static_cast<int>(name.size()));
    return name.data();
  }

  Task<> serve(tcp::socket socket) {
    try {
      if (!context) {
        co_await converse(socket, "");
        co_return;
      }
      const auto held = context;
      ssl::stream<tcp::socket> stream(std::move(socket), *held);
      co_await stream.async_handshake(ssl::stream_base::server, base::asio::use_awaitable);
      co_await converse(stream, commonNameOf(stream.native_handle()));
    } catch (const boost::system::system_error&) {
      // The client disconnected, or rejected the certificate.
    }
  }

  Task<> accept() {
    for (;;) {
      auto [error, socket] =
          co_await acceptor.async_accept(base::asio::as_tuple(base::asio::use_awaitable));
      if (error) co_return;
      ++owner.connections;
      ::fcntl(socket.native_handle(), F_SETFD, FD_CLOEXEC);
      socket.set_option(tcp::no_delay(true));
      tasks.spawn(serve(std::move(socket)));
    }
  }

  Script script;
  ScriptedServer& owner;
  tcp::acceptor acceptor;
  base::TaskGroup tasks;
  std::shared_ptr<ssl::context> context;
};

ScriptedServer::ScriptedServer(base::asio::io_context& io, Script script,
                               std::optional<ServerTls> tls, const char* address,
                               std::uint16_t port)
    : state_(std::make_unique<State>(io, std::move(script), *this,
                                     tcp::endpoint(base::asio::ip::make_address(address), port))) {
  if (tls) state_->setTls(*tls);
  state_->tasks.spawn(state_->accept());
}
ScriptedServer::~ScriptedServer() = default;

std::uint16_t ScriptedServer::port() const {
  return state_->acceptor.local_endpoint().port();
}

void ScriptedServer::use(const ServerTls& tls) {
  state_->setTls(tls);
}

bool ScriptedServer::idle() const {
  return state_->tasks.size() == 0;
}

void ScriptedServer::stop() {
  state_->tasks.cancel();
}

}  // namespace kpol::kube::testing
