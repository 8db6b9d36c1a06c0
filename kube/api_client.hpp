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

// Sends requests to an API server, one after the other, over one connection while it is usable.
// With several servers it stays with the one that responds. One coroutine. All functions throw
// ApiError.
class ApiClient {
 public:
  using Duration = std::chrono::steady_clock::duration;

  // `credentials` outlives this object.
  explicit ApiClient(Credentials& credentials) : credentials_(credentials) {}
  ApiClient(const ApiClient&) = delete;
  ApiClient& operator=(const ApiClient&) = delete;

  // Sends GET `target` ("/api/v1/pods?limit=500") and returns when the head of the response has
  // arrived. A response that is not read completely is given up. `patience` limits each step with
  // each server: connecting, sending, and every wait for bytes.
  base::Task<ResponseHead> get(std::string target, Duration patience);
  // Sends POST `target` with a JSON body; otherwise as get(). The server may receive the body
  // twice: a request without a response is sent again on a new connection or to the next server.
  base::Task<ResponseHead> post(std::string target, std::string body, Duration patience);
  // Sends PATCH `target` with a strategic merge patch; otherwise as post().
  base::Task<ResponseHead> patch(std::string target, std::string body, Duration patience);
  // Returns the next bytes of the body, valid until the next call; empty if the body is complete.
  base::Task<std::string_view> read(Duration patience);
  // Makes a call that waits for bytes of a response throw Interrupted, but not one that connects or
  // sends.
  void interrupt() { interrupt_.notify(); }
  // Call this if the server has errors: the next request goes to another server, if there are
  // several.
  void preferAnother();
  // Call this if the server rejected the credentials (401).
  void renewCredentials();

  struct Counters {
    std::uint64_t requests = 0;
    std::uint64_t connections = 0;
    std::uint64_t bytesReceived = 0;     // after TLS, before gunzip
    std::uint64_t headMicroseconds = 0;  // from sending to the response head, sum
  };
  [[nodiscard]] const Counters& counters() const { return counters_; }
  // The server of the current connection or the next request.
  [[nodiscard]] std::string server() const;

 private:
  struct Request {
    std::string target;
    std::string body = {};  // empty: GET
    const char* method = "GET";
    const char* contentType = "application/json";
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
  std::string shownCertificate_;  // used for the connection
  ResponseReader response_;
  std::string body_;
  bool given_ = false;  // read() has returned body_
  std::array<char, 65536> room_{};
  Counters counters_;
};

}  // namespace kpol::kube
