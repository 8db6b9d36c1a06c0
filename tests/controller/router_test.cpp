// SPDX-License-Identifier: Apache-2.0
#include "controller/router.hpp"

#include "base/async/asio.hpp"
#include "conf/config_error.hpp"
#include "tests/controller/run_task.hpp"

#include <gtest/gtest.h>

namespace kpol::controller {
namespace {

Response text(std::string body) {
  Response response;
  response.body = std::move(body);
  return response;
}

base::Task<Response> echoBody(Call call) {
  co_return text("put " + call.body);
}

Router router() {
  Router router;
  router.addPlain("GET", "/v1/things", [](const Call&) { return text("list"); });
  router.add("PUT", "/v1/things", echoBody);
  router.addPlain("GET", "/v1/things/{}/{}", [](const Call& call) {
    return text(call.arguments[0] + " and " + call.arguments[1]);
  });
  router.addPlain("GET", "/v1/query", [](const Call& call) { return text(call.query.at("name")); });
  router.addPlain("GET", "/v1/bad",
                  [](const Call&) -> Response { throw conf::ConfigError("field", "is bad"); });
  router.addPlain("GET", "/v1/broken",
                  [](const Call&) -> Response { throw base::Error("disk full"); });
  return router;
}

Response ask(const std::string& method, const std::string& target, const std::string& body = {}) {
  const Router routes = router();
  Request request;
  request.method = method;
  request.target = target;
  request.body = body;
  return runTask(routes.handle(std::move(request)));
}

TEST(Router, FindsHandlersByMethodAndPath) {
  EXPECT_EQ(ask("GET", "/v1/things").body, "list");
  EXPECT_EQ(ask("PUT", "/v1/things", "x").body, "put x");
  EXPECT_EQ(ask("GET", "/v1/things/a%2Fb/c").body, "a/b and c");
  EXPECT_EQ(ask("GET", "/v1/query?name=n%201").body, "n 1");
}

TEST(Router, UnknownPathIs404) {
  for (const char* target : {"/", "/v1", "/v1/thing", "/v1/things/a", "/v1/things/a/b/c"}) {
    const auto response = ask("GET", target);
    EXPECT_EQ(response.status, 404U) << target;
    EXPECT_EQ(response.body, std::string("{\"error\":\"no such path: ") + target + "\"}");
  }
}

TEST(Router, WrongMethodIs405AndNamesAllowedMethods) {
  const auto response = ask("DELETE", "/v1/things");
  EXPECT_EQ(response.status, 405U);
  EXPECT_EQ(response.allow, "GET, PUT");
  EXPECT_EQ(ask("POST", "/v1/things/a/b").allow, "GET");
}

TEST(Router, BrokenTargetIs400) {
  EXPECT_EQ(ask("GET", "/v1/%zz").status, 400U);
}

TEST(Router, ErrorsOfHandlersBecomeResponses) {
  const auto bad = ask("GET", "/v1/bad");
  EXPECT_EQ(bad.status, 400U);
  EXPECT_EQ(bad.body, "{\"error\":\"field: is bad\"}");
  const auto broken = ask("GET", "/v1/broken");
  EXPECT_EQ(broken.status, 500U);
  EXPECT_EQ(broken.body, "{\"error\":\"disk full\"}");
}

}  // namespace
}  // namespace kpol::controller
