// SPDX-License-Identifier: Apache-2.0
#include "controller/router.hpp"

#include "base/async/asio.hpp"
#include "base/error.hpp"
#include "conf/config_error.hpp"

#include <exception>
#include <utility>

namespace kpol::controller {
namespace {

constexpr std::string_view kAnySegment = "{}";

std::optional<std::vector<std::string>> matchPath(const std::vector<std::string>& pattern,
                                                  const std::vector<std::string>& segments) {
  if (pattern.size() != segments.size()) return std::nullopt;
  std::vector<std::string> arguments;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == kAnySegment)
      arguments.push_back(segments[i]);
    else if (pattern[i] != segments[i])
      return std::nullopt;
  }
  return arguments;
}

base::Task<Response> answerWith(Router::PlainHandler handler, Call call) {
  co_return handler(call);
}

}  // namespace

void Router::add(std::string method, std::string_view pattern, Handler handler) {
  auto target = parseTarget(pattern);
  base::expects(target.has_value(), "a route's pattern is a path");
  routes_.push_back({std::move(method), std::move(target->segments), std::move(handler)});
}

void Router::addPlain(std::string method, std::string_view pattern, PlainHandler handler) {
  add(std::move(method), pattern,
      [handler = std::move(handler)](Call call) { return answerWith(handler, std::move(call)); });
}

Router::Match Router::find(const std::string& method, const Target& target) const {
  Match match;
  for (const auto& route : routes_) {
    auto arguments = matchPath(route.pattern, target.segments);
    if (!arguments) continue;
    match.allow += (match.allow.empty() ? "" : ", ") + route.method;
    if (route.method != method) continue;
    match.route = &route;
    match.arguments = *std::move(arguments);
    break;
  }
  return match;
}

base::Task<Response> Router::handle(Request request) const {
  auto target = parseTarget(request.target);
  if (!target) co_return errorResponse(400, "invalid path: " + request.target);
  auto match = find(request.method, *target);
  if (match.route == nullptr) {
    if (match.allow.empty()) co_return errorResponse(404, "no such path: " + request.target);
    Response response =
        errorResponse(405, request.method + " is not allowed here; allowed: " + match.allow);
    response.allow = match.allow;
    co_return response;
  }
  Call call;
  call.arguments = std::move(match.arguments);
  call.query = std::move(target->query);
  call.body = std::move(request.body);
  try {
    co_return co_await match.route->handler(std::move(call));
  } catch (const conf::ConfigError& error) {
    co_return errorResponse(400, error.what());
  } catch (const boost::system::system_error&) {
    throw;  // cancelled: the client closed the connection
  } catch (const base::asio::multiple_exceptions&) {
    throw;
  } catch (const std::exception& error) {
    co_return errorResponse(500, error.what());
  }
}

}  // namespace kpol::controller
