// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"
#include "controller/http_message.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace kpol::controller {

// A request that has found its route.
struct Call {
  std::vector<std::string> arguments;  // the segments that stand where the pattern has {}
  std::map<std::string, std::string> query;
  std::string body;
};

// Finds the handler of a request by method and path. Knows no socket.
class Router {
 public:
  using Handler = std::function<base::Task<Response>(Call)>;
  using PlainHandler = std::function<Response(const Call&)>;

  // pattern: "/v1/show/pod/{}/{}".
  void add(std::string method, std::string_view pattern, Handler handler);
  // For handlers that never wait.
  void addPlain(std::string method, std::string_view pattern, PlainHandler handler);

  // 404 for an unknown path, 405 for a known one with another method, 400 for a broken target.
  // base::Error from a handler is answered with 500, conf::ConfigError with 400.
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
