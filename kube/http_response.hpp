// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
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
// have a Content-Length or end with the connection, and be plain or gzip. Does no I/O. Stores at
// most 64 KiB of a head, and of the body only bytes that feed() has not returned yet. Throws
// ApiError if the response is invalid or is followed by more bytes; the connection must not be used
// after that.
class ResponseReader {
 public:
  ResponseReader();
  ~ResponseReader();
  ResponseReader(ResponseReader&&) noexcept;
  ResponseReader& operator=(ResponseReader&&) noexcept;

  // Takes all of `bytes` and appends the next part of the body to `body`: at most kMostAtOnce
  // bytes. While hasMore() is true, call it again without bytes, before the next bytes.
  void feed(std::string_view bytes, std::string& body);
  [[nodiscard]] bool hasMore() const;
  // Call this when the connection was closed: it ends a body without a length. Throws ApiError if
  // another body is incomplete.
  void close();

  [[nodiscard]] const std::optional<ResponseHead>& head() const;
  // Whether feed() has returned the whole body.
  [[nodiscard]] bool complete() const;

  static constexpr std::size_t kMostAtOnce = 512 * 1024;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::kube
