// SPDX-License-Identifier: Apache-2.0
#include "kube/api_client.hpp"

#include "base/async/asio.hpp"
#include "kube/api_error.hpp"

#include <optional>
#include <span>

namespace kpol::kube {

using base::Task;
using Clock = std::chrono::steady_clock;

std::string ApiClient::server() const {
  return toString(credentials_.config().servers.at(server_));
}

void ApiClient::preferAnother() {
  const std::size_t count = credentials_.config().servers.size();
  if (count == 1) return;
  connection_.reset();
  server_ = (server_ + 1) % count;
}

// A client certificate belongs to the connection, so a new one needs a new connection.
void ApiClient::renewCredentials() {
  credentials_.renew();
  connection_.reset();
}

std::string ApiClient::textOf(const Request& request, const Identity& identity) const {
  const ServerUrl& url = credentials_.config().servers.at(server_);
  std::string text = std::string(request.method) + " ";
  text += url.path + request.target + " HTTP/1.1\r\nHost: " + authorityOf(url) +
          "\r\nUser-Agent: kpold\r\nAccept: application/json\r\n"
          "Accept-Encoding: gzip\r\n";
  if (!identity.token.empty()) text += "Authorization: Bearer " + identity.token + "\r\n";
  if (!request.body.empty())
    text += std::string("Content-Type: ") + request.contentType +
            "\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n";
  return text + "\r\n" + request.body;
}

Task<> ApiClient::connect(const Identity& identity, Duration patience) {
  const ClusterConfig& config = credentials_.config();
  TlsSettings tls{credentials_.authorities(), config.tlsServerName, config.skipTlsVerify,
                  identity.certificatePem, identity.keyPem};
  ++counters_.connections;
  shownCertificate_ = identity.certificatePem;
  ServerUrl url = config.servers.at(server_);
  connection_ = co_await Connection::open(std::move(url), std::move(tls), Clock::now() + patience);
}

// Returns false if the server closed the connection.
Task<bool> ApiClient::receive(Duration patience) {
  if (response_.hasMore()) {
    response_.feed({}, body_);
    co_return true;
  }
  const std::size_t size = co_await connection_->read(room_, Clock::now() + patience, interrupt_);
  counters_.bytesReceived += size;
  if (size == 0)
    response_.close();
  else
    response_.feed(std::string_view(room_.data(), size), body_);
  co_return size > 0;
}

Task<ResponseHead> ApiClient::readHead(Duration patience) {
  while (!response_.head()) co_await receive(patience);
  co_return *response_.head();
}

Task<ResponseHead> ApiClient::ask(const Request& request, Duration patience) {
  const bool rested = connection_ && response_.complete() && response_.head()->keepAlive;
  if (!rested || !connection_->quiet()) connection_.reset();
  const Identity identity = co_await credentials_.identity();
  if (connection_ && shownCertificate_ != identity.certificatePem) connection_.reset();
  response_ = ResponseReader();
  body_.clear();
  given_ = false;
  const bool reused = connection_ != nullptr;
  if (!reused) co_await connect(identity, patience);
  const auto asked = Clock::now();
  const std::uint64_t before = counters_.bytesReceived;
  std::optional<std::string> failure;
  try {
    std::string text = textOf(request, identity);
    co_await connection_->write(std::move(text), asked + patience);
    co_await readHead(patience);
  } catch (const Interrupted&) {
    throw;
  } catch (const ApiError& error) {
    // A server may close an idle connection at any time. No part of a response has arrived, so send
    // the request again.
    if (!reused || counters_.bytesReceived != before) throw;
    failure = error.what();
  }
  if (failure) {
    connection_.reset();
    co_return co_await ask(request, patience);
  }
  ++counters_.requests;
  counters_.headMicroseconds += static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - asked).count());
  co_return *response_.head();
}

Task<ResponseHead> ApiClient::get(std::string target, Duration patience) {
  Request request;
  request.target = std::move(target);
  co_return co_await askAnyone(std::move(request), patience);
}

Task<ResponseHead> ApiClient::post(std::string target, std::string body, Duration patience) {
  Request request;
  request.target = std::move(target);
  request.body = std::move(body);
  request.method = "POST";
  co_return co_await askAnyone(std::move(request), patience);
}

Task<ResponseHead> ApiClient::patch(std::string target, std::string body, Duration patience) {
  Request request;
  request.target = std::move(target);
  request.body = std::move(body);
  request.method = "PATCH";
  request.contentType = "application/strategic-merge-patch+json";
  co_return co_await askAnyone(std::move(request), patience);
}

Task<ResponseHead> ApiClient::askAnyone(Request request, Duration patience) {
  const std::size_t count = credentials_.config().servers.size();
  std::string failures;
  for (std::size_t tried = 0; tried < count; ++tried) {
    try {
      co_return co_await ask(request, patience);
    } catch (const Interrupted&) {
      connection_.reset();
      throw;
    } catch (const ApiError& error) {
      failures += (failures.empty() ? "" : "; ") + server() + ": " + error.what();
    }
    connection_.reset();
    server_ = (server_ + 1) % count;
  }
  throw ApiError(failures);
}

Task<std::string_view> ApiClient::read(Duration patience) {
  std::optional<std::string> failure;
  try {
    if (given_) body_.clear();  // bytes that arrived with the head come first
    while (body_.empty() && !response_.complete()) co_await receive(patience);
    given_ = true;
    co_return body_;
  } catch (const Interrupted&) {
    connection_.reset();
    throw;
  } catch (const ApiError& error) {
    failure = error.what();
  }
  connection_.reset();
  throw ApiError(server() + ": " + *failure);
}

}  // namespace kpol::kube
