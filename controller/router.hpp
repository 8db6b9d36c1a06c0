// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"
#include "controller/http_message.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kpol::controller {

// A request with a matching route.
struct Call {
  std::vector<std::string> arguments;  // the segments that match {} in the pattern
  std::map<std::string, std::string> query;
  std::string body;
};

// Finds the handler of a request by method and path. Does no I/O.
class Router {
 public:
  using Handler = std::function<base::Task<Response>(Call)>;
  using PlainHandler = std::function<Response(const Call&)>;

  // `pattern` is a path such as "/v1/show/pod/{}/{}".
  void add(std::string method, std::string_view pattern, Handler handler);
  // For handlers that never wait.
  void addPlain(std::string method, std::string_view pattern, PlainHandler handler);

  // Responds with 404 to an unknown path, 405 to another method on a known path, and 400 to an
  // invalid target. If the handler throws conf::ConfigError the status is 400, for any other
  // std::exception it is 500. boost::system::system_error and asio::multiple_exceptions are
  // rethrown, because they mean that the handler was cancelled: the client closed the connection.
  base::Task<Response> handle(Request request) const;

 private:
  struct Route {
    std::string method;
    std::vector<std::string> pattern;  // "{}" matches any segment
    Handler handler;
  };
  struct Match {
    const Route* route = nullptr;
    std::vector<std::string> arguments;
    std::string allow;  // the methods of the routes with this path
  };
  [[nodiscard]] Match find(const std::string& method, const Target& target) const;

  std::vector<Route> routes_;
};

}  // namespace kpol::controller
