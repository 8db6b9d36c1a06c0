// SPDX-License-Identifier: Apache-2.0
#include "controller/http_message.hpp"

#include <gtest/gtest.h>

namespace kpol::controller {
namespace {

using Segments = std::vector<std::string>;
using Query = std::map<std::string, std::string>;

const std::string kPut =
    "PUT /v1/attachments?timeout=5 HTTP/1.1\r\nHost: kpold\r\nContent-Length: 4\r\n\r\nbody";
const std::string kGet = "GET /v1/status HTTP/1.1\r\nHost: kpold\r\nConnection: close\r\n\r\n";

TEST(RequestParser, ReadsARequestWithABody) {
  RequestParser parser;
  parser.feed(kPut);
  const auto request = parser.next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->method, "PUT");
  EXPECT_EQ(request->target, "/v1/attachments?timeout=5");
  EXPECT_EQ(request->body, "body");
  EXPECT_TRUE(request->keepAlive);
}

TEST(RequestParser, ParsesBytesAsTheyArrive) {
  RequestParser parser;
  for (std::size_t i = 0; i + 1 < kPut.size(); ++i) {
    parser.feed(kPut.substr(i, 1));
    ASSERT_FALSE(parser.next()) << i;
    ASSERT_FALSE(parser.failure()) << i;
  }
  parser.feed(kPut.substr(kPut.size() - 1));
  const auto request = parser.next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->body, "body");
}

TEST(RequestParser, KeepsWhatFollowsForTheNextRequest) {
  RequestParser parser;
  parser.feed(kPut + kGet);
  ASSERT_TRUE(parser.next());
  const auto second = parser.next();
  ASSERT_TRUE(second);
  EXPECT_EQ(second->method, "GET");
  EXPECT_FALSE(second->keepAlive);
  EXPECT_FALSE(parser.next());
  EXPECT_FALSE(parser.failure());
}

TEST(RequestParser, RejectsInvalidRequests) {
  struct Case {
    std::string bytes;
    unsigned status;
  };
  const Case cases[] = {
      {"hello\r\n\r\n", 400},
      {std::string("\x16\x03\x01\x02\x00", 5), 400},
      {"PUT / HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n", 413},
      {"PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nX: " + std::string(RequestParser::kMaxHeader, 'x') + "\r\n\r\n", 431},
      {"PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411},
      {"PUT / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n", 411},
  };
  for (const auto& c : cases) {
    RequestParser parser;
    parser.feed(c.bytes);
    EXPECT_FALSE(parser.next());
    ASSERT_TRUE(parser.failure()) << c.bytes.substr(0, 40);
    EXPECT_EQ(parser.failure()->status, c.status) << c.bytes.substr(0, 40);
    parser.feed(kGet);
    EXPECT_FALSE(parser.next()) << "a broken connection stays broken";
  }
}

// A header with many short fields, each sent separately.
TEST(RequestParser, HeadIsLimitedForAnySplit) {
  for (const std::size_t size : {1U, 7U, 1000U, 1000000U}) {
    const auto statusOf = [&](const std::string& bytes) {
      RequestParser parser;
      bool whole = false;
      for (std::size_t at = 0; at < bytes.size() && !parser.failure(); at += size) {
        parser.feed(bytes.substr(at, size));
        whole = parser.next().has_value();
      }
      return parser.failure() ? parser.failure()->status : whole ? 200U : 0U;
    };
    std::string head = "GET / HTTP/1.1\r\n";
    while (head.size() + 6 <= RequestParser::kMaxHeader - 2) head += "X: y\r\n";
    head.insert(head.size() - 2, RequestParser::kMaxHeader - 2 - head.size(), 'y');
    EXPECT_EQ(statusOf(head + "\r\n"), 200U) << size;
    head.insert(head.size() - 2, 1, 'y');
    EXPECT_EQ(statusOf(head + "\r\n"), 431U) << size;
    EXPECT_EQ(statusOf(head + head), 431U) << size;
  }
}

TEST(Target, IsDecoded) {
  struct Case {
    const char* text;
    Segments segments;
    Query query;
  };
  const Case cases[] = {
      {"/", {}, {}},
      {"/v1/status", {"v1", "status"}, {}},
      {"/a%2Fb/c%20d", {"a/b", "c d"}, {}},
      {"/x?a=1&b=&c", {"x"}, {{"a", "1"}, {"b", ""}, {"c", ""}}},
      {"/x?a=%26%3d", {"x"}, {{"a", "&="}}},
      {"/x?a=1&a=2", {"x"}, {{"a", "2"}}},
  };
  for (const auto& c : cases) {
    const auto target = parseTarget(c.text);
    ASSERT_TRUE(target) << c.text;
    EXPECT_EQ(target->segments, c.segments) << c.text;
    EXPECT_EQ(target->query, c.query) << c.text;
  }
}

TEST(Target, RejectsInvalidPaths) {
  for (const char* text :
       {"", "v1", "*", "http://x/", "//", "/a//b", "/a/", "/%", "/%4", "/%4g", "/a?b=%"})
    EXPECT_FALSE(parseTarget(text)) << text;
}

TEST(Response, IsPrintedWithItsLength) {
  Response response;
  response.body = "{}";
  EXPECT_EQ(print(response, true),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            "Connection: keep-alive\r\n\r\n{}");
  response = errorResponse(405, "no \"way\"");
  response.allow = "GET, PUT";
  EXPECT_EQ(print(response, false),
            "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\n"
            "Content-Length: 22\r\nAllow: GET, PUT\r\nConnection: close\r\n\r\n"
            "{\"error\":\"no \\\"way\\\"\"}");
}

}  // namespace
}  // namespace kpol::controller
