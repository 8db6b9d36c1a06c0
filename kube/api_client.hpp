// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/connection.hpp"
#include "kube/credentials.hpp"
#include "kube/http_response.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace kpol::kube {

// Asks an API server for one thing after the other, over one connection for as long as that holds.
// Of several servers it stays with the one that answers. One coroutine. All throw ApiError.
class ApiClient {
 public:
  using Duration = std::chrono::steady_clock::duration;

  // `credentials` outlives this object.
  explicit ApiClient(Credentials& credentials) : credentials_(credentials) {}
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  // Sends GET `target` ("/api/v1/pods?limit=500"); an answer under way is given up. Returns when
  // its head has arrived, which may take `patience` with each server.
  base::Task<ResponseHead> get(std::string target, Duration patience);
  // Sends POST `target` with a body of JSON; else as get(). Where a server closes the connection
  // without an answer it may get the body twice.
  base::Task<ResponseHead> post(std::string target, std::string body, Duration patience);
  // The next bytes of the body, valid until the next call; empty: it is complete.
  base::Task<std::string_view> read(Duration patience);
  // Makes a get() or read() that waits throw Interrupted.
  void interrupt() { interrupt_.notify(); }
  // The server is in trouble: the next request goes to another one, where there are several.
  void preferAnother();
  // The server did not accept whom we say we are.
  void renewCredentials();

  struct Counters {
    std::uint64_t requests = 0;
    std::uint64_t connections = 0;
    std::uint64_t bytesReceived = 0;     // as on the wire, inside TLS
    std::uint64_t headMicroseconds = 0;  // from a request to its answer's head, all together
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }
  // The server that is asked now.
  [[nodiscard]] std::string server() const;

 private:
  struct Request {
    std::string target;
    std::string body = {};  // empty: a GET
  };
  base::Task<ResponseHead> askAnyone(Request request, Duration patience);
  base::Task<ResponseHead> ask(const Request& request, Duration patience);
  base::Task<> connect(const Identity& identity, Duration patience);
  base::Task<ResponseHead> readHead(Duration patience);
  base::Task<bool> receive(Duration patience);
  [[nodiscard]] std::string textOf(const Request& request, const Identity& identity) const;

  Credentials& credentials_;
  base::Event interrupt_;
  std::size_t server_ = 0;  // index
  std::unique_ptr<Connection> connection_;
  std::string shownCertificate_;  // of the connection
  ResponseReader response_;
  std::string body_;
  bool given_ = false;  // read() gave body_
  std::array<char, 65536> room_{};
  Counters counters_;
};

}  // namespace kpol::kube
