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
  std::optional<std::chrono::seconds> retryAfter;  // of a number of seconds
  bool keepAlive = false;
};

// Reads one HTTP/1.1 response from its bytes, in parts cut anywhere: chunked, of known length or to
// the end of the connection, plain or gzip. A function of the bytes. Keeps none of the body, and of
// heads no more than 64 KiB. Throws ApiError at what is no response, and at bytes behind it; then
// the connection is of no more use.
class ResponseReader {
 public:
  ResponseReader();
  ~ResponseReader();
  ResponseReader(ResponseReader&&) noexcept;
  ResponseReader& operator=(ResponseReader&&) noexcept;

  // Takes all of `bytes` in and appends what they hold of the body to `body`.
  void feed(std::string_view bytes, std::string& body);
  // The connection was closed: ends a body without a length. Throws when others are not complete.
  void close();

  [[nodiscard]] const std::optional<ResponseHead>& head() const;
  [[nodiscard]] bool complete() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::kube
