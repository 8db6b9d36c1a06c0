// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kpol::controller {

// One HTTP/1.1 request as the handlers see it.
struct Request {
  std::string method;
  std::string target;  // as sent: "/v1/show/pod/shop/web?x=y"
  std::string body;
  bool keepAlive = true;
};

struct Response {
  unsigned status = 200;
  std::string body;
  std::string contentType = "application/json";
  std::string allow;  // of 405: the methods there are
};

std::string print(const Response& response, bool keepAlive);
// {"error": text}
Response errorResponse(unsigned status, const std::string& text);

// The path and query of a target, percent-decoded.
struct Target {
  std::vector<std::string> segments;  // never empty strings, but for "/" which has none
  std::map<std::string, std::string> query;
};
// Nothing for a target that is no absolute path, has a bad escape, or an empty segment.
std::optional<Target> parseTarget(std::string_view target);

// Turns the bytes of one connection into requests, however they are cut. Keeps no more of a request
// than kMaxHeader and kMaxBody; a body must have its length in the head (411). Knows no socket.
class RequestParser {
 public:
  static constexpr std::size_t kMaxHeader = 16U << 10U;
  static constexpr std::size_t kMaxBody = 1U << 20U;

  RequestParser();
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;

  // Bytes as they came; what follows a complete request is kept for the next.
  void feed(std::string_view bytes);
  // The next complete request; nothing while bytes are missing or once failure() is set.
  std::optional<Request> next();
  // The answer to bytes that are no acceptable request; the connection is of no use after it.
  [[nodiscard]] const std::optional<Response>& failure() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::controller
