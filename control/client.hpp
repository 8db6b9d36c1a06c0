// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

#include <chrono>
#include <string>
#include <string_view>

namespace kpol::control {

// No answer could be had from the socket. `connected` tells whether kpold was reached at all: if
// not, it has seen nothing of the request.
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

// One HTTP/1.1 request over a Unix stream socket, one connection. Blocks at most `deadline` in all
// (connect, send, receive), then throws Unreachable. Bodies are JSON text; an answer larger than
// 256 MiB is refused.
Response request(const std::string& socketPath, std::string_view method, std::string_view target,
                 std::string_view body, std::chrono::milliseconds deadline);

}  // namespace kpol::control
