// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace kpol::kube {

struct ResponseHead {
  unsigned status = 0;
  std::optional<std::chrono::seconds> retryAfter;  // nullopt if Retry-After is a date
  bool keepAlive = false;
};

// Reads one HTTP/1.1 response, whose bytes arrive in parts of any size. The body may be chunked,
// have a Content-Length or end with the connection, and be plain or gzip. Does no I/O. Stores no
// part of the body, and at most 64 KiB of a head. Throws ApiError if the response is invalid or is
// followed by more bytes; the connection must not be used after that.
class ResponseReader {
 public:
  ResponseReader();
  ~ResponseReader();
  ResponseReader(ResponseReader&&) noexcept;
  ResponseReader& operator=(ResponseReader&&) noexcept;

  // Consumes all of `bytes` and appends their part of the body to `body`.
  void feed(std::string_view bytes, std::string& body);
  // Call this when the connection was closed: it ends a body without a length. Throws ApiError if
  // another body is incomplete.
  void close();

  [[nodiscard]] const std::optional<ResponseHead>& head() const;
  [[nodiscard]] bool complete() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::kube
