// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kpol::controller {

struct Request {
  std::string method;
  std::string target;  // as received: "/v1/show/pod/shop/web?x=y"
  std::string body;
  bool keepAlive = true;
};

struct Response {
  unsigned status = 200;
  std::string body;
  std::string contentType = "application/json";
  std::string allow;  // for 405: the methods of this path
};

std::string print(const Response& response, bool keepAlive);
// {"error": text}
Response errorResponse(unsigned status, const std::string& text);

// The path and query of a target, percent-decoded.
struct Target {
  std::vector<std::string> segments;  // none is empty; "/" has none
  std::map<std::string, std::string> query;
};
// nullopt if the target is not an absolute path, or has an invalid escape or an empty segment.
std::optional<Target> parseTarget(std::string_view target);

// Parses the bytes of one connection, in parts of any size, into requests. Rejects a request whose
// head exceeds kMaxHeader or whose body exceeds kMaxBody, and a body without a length in the head
// (411). Does no I/O.
class RequestParser {
 public:
  static constexpr std::size_t kMaxHeader = 16U << 10U;
  static constexpr std::size_t kMaxBody = 1U << 20U;

  RequestParser();
  ~RequestParser();
  RequestParser(RequestParser&&) noexcept;
  RequestParser& operator=(RequestParser&&) noexcept;

  // Adds received bytes. Bytes after a complete request are kept for the next one.
  void feed(std::string_view bytes);
  // The next complete request; nullopt if bytes are missing or failure() is set.
  std::optional<Request> next();
  // The response to bytes that are not an acceptable request. The connection must be closed after
  // it.
  [[nodiscard]] const std::optional<Response>& failure() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace kpol::controller
