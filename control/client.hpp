// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace kpol::control {

// There was no valid response from the socket. If `connected` is false, kpold was not reached and
// has received nothing of the request.
class Unreachable : public base::Error {
 public:
  Unreachable(const std::string& what, bool connected) : Error(what), connected_(connected) {}
  [[nodiscard]] bool connected() const noexcept { return connected_; }

 private:
  bool connected_;
};

struct Response {
  unsigned status = 0;
  std::string body;
};

// Sends one HTTP/1.1 request over a new connection to a Unix stream socket, and returns the
// response. Blocks for at most `deadline` in total (connect, send, receive). Throws Unreachable,
// also for a response whose body is larger than 256 MiB. Bodies are JSON text.
Response request(const std::string& socketPath, std::string_view method, std::string_view target,
                 std::string_view body, std::chrono::milliseconds deadline);

}  // namespace kpol::control
