// SPDX-License-Identifier: Apache-2.0
#include "kube/api_stream.hpp"

#include "kube/syntax_error.hpp"

#include <gtest/gtest.h>

#include <random>

namespace kpol::kube {
namespace {

std::string podJson(const std::string& name, const std::string& more = {}) {
  return R"({"metadata":{"namespace":"shop","name":")" + name +
         R"(","resourceVersion":"5","uid":"u-)" + name + R"("},"spec":{"nodeName":"n1"})" + more +
         "}";
}

std::string event(const std::string& type, const std::string& object) {
  return R"({"type":")" + type + R"(","object":)" + object + "}\n";
}

// The contents of a body, as lines, if its bytes arrive in parts of `size`.
std::string show(const ApiObject& object) {
  return std::to_string(static_cast<int>(object.type)) + " " + toString(object.id) + " @" +
         object.resourceVersion + (object.object ? "" : " withheld");
}

std::string readWatch(const std::string& text, std::size_t size) {
  WatchBody body(Kind::Pod);
  std::string lines;
  for (std::size_t from = 0; from < text.size(); from += size) {
    const std::string part = text.substr(from, size);  // of its own, so that a dangling view shows
    std::size_t at = 0;
    while (const auto item = body.next(part, at)) {
      if (const auto* object = std::get_if<ApiObject>(&*item))
        lines += show(*object) + "\n";
      else if (const auto* mark = std::get_if<ApiBookmark>(&*item))
        lines += "bookmark @" + mark->resourceVersion + (mark->initialEventsEnd ? " end\n" : "\n");
      else
        lines += "status " + std::to_string(std::get<ApiStatus>(*item).code) + "\n";
    }
  }
  return lines + (body.atEnd() ? "end" : "cut");
}

std::string readList(const std::string& text, std::size_t size) {
  ListBody body(Kind::Pod);
  std::string lines;
  for (std::size_t from = 0; from < text.size(); from += size) {
    const std::string part = text.substr(from, size);
    std::size_t at = 0;
    while (const auto object = body.next(part, at)) lines += show(*object) + "\n";
  }
  return lines + (body.atEnd() ? "end" : "cut") + " @" + body.meta().resourceVersion + " " +
         body.meta().continueToken;
}

const std::string kWatch =
    event("ADDED", podJson("a")) + event("MODIFIED", podJson("b", R"(,"x":"\"}{é\\")")) +
    event("DELETED", podJson("c")) +
    event(
        "BOOKMARK",
        R"({"kind":"Pod","metadata":{"resourceVersion":"9","annotations":{"k8s.io/initial-events-end":"true"}}})") +
    event("ERROR", R"({"kind":"Status","code":410,"reason":"Expired","message":"too old"})");
const std::string kWatchLines =
    "0 Pod shop/a @5\n1 Pod shop/b @5\n2 Pod shop/c @5\nbookmark @9 end\nstatus 410\nend";

const std::string kList =
    R"( {"kind":"PodList","apiVersion":"v1","metadata":{"resourceVersion":"77","continue":"tok/en="},)"
    R"("items":[ )" +
    podJson("a") + "," + podJson("b", R"(,"x":["]",{"y":"\\"}])") + R"(] , "other":12.5 } )";
const std::string kListLines = "0 Pod shop/a @5\n0 Pod shop/b @5\nend @77 tok/en=";

TEST(ApiStream, WatchIsTheSameForAnySplit) {
  for (std::size_t size = 1; size <= kWatch.size(); ++size)
    ASSERT_EQ(readWatch(kWatch, size), kWatchLines) << size;
}

TEST(ApiStream, ListIsTheSameForAnySplit) {
  for (std::size_t size = 1; size <= kList.size(); ++size)
    ASSERT_EQ(readList(kList, size), kListLines) << size;
}

// Truncate at every byte, also within an event and within a character: complete events are
// returned, the rest is not invented, and the truncation is reported.
TEST(ApiStream, TruncatedWatchReturnsCompleteEvents) {
  for (std::size_t size = 1; size < kWatch.size(); ++size) {
    const std::string told = readWatch(kWatch.substr(0, size), size);
    const std::string lines = told.substr(0, told.rfind('\n') + 1);
    EXPECT_TRUE(kWatchLines.starts_with(lines)) << size;
    const bool between = kWatch[size - 1] == '\n' || kWatch[size] == '\n';
    EXPECT_EQ(told.ends_with("end"), between) << size;
  }
}

TEST(ApiStream, TruncatedListIsIncomplete) {
  for (std::size_t size = 1; size + 2 < kList.size(); ++size)
    EXPECT_NE(readList(kList.substr(0, size), size).find("cut"), std::string::npos) << size;
}

// The events before the error, and the error.
template <class Read>
std::string toTheFault(Read read, const std::string& text, std::size_t size) {
  try {
    return read(text, size);
  } catch (const SyntaxError& error) {
    return error.what();
  }
}

// Damaged bytes give the same events or the same error for any split. Nothing else is thrown, and
// nothing beyond the end is read (checked by the sanitizers).
TEST(ApiStream, ErrorsAreTheSameForAnySplit) {
  std::mt19937 random(11);
  const std::string bytes = "{}[]\",:\\ \n0a\xc3";
  for (int i = 0; i < 1500; ++i) {
    const bool isList = i % 2 == 0;
    std::string text = isList ? kList : kWatch;
    for (auto n = random() % 4; n > 0; --n) {
      const auto at = random() % text.size();
      if (random() % 3 == 0)
        text.erase(at, random() % 9);
      else
        text[at] = bytes[random() % bytes.size()];
      if (text.empty()) text = "{";
    }
    const auto read = isList ? readList : readWatch;
    const std::size_t size = random() % text.size() + 1;
    ASSERT_EQ(toTheFault(read, text, size), toTheFault(read, text, text.size())) << text;
  }
}

TEST(ApiStream, ListsWithoutItems) {
  EXPECT_EQ(readList(R"({"metadata":{"resourceVersion":"1"},"items":null})", 3), "end @1 ");
  EXPECT_EQ(readList(R"({"items":[],"metadata":{"resourceVersion":"1"}})", 3), "end @1 ");
  EXPECT_EQ(readList("{}", 1), "end @ ");
}

TEST(ApiStream, AnObjectOfAMegabyte) {
  const std::string large =
      podJson("big", R"(,"annotations":")" + std::string(1 << 20, 'x') + "\"");
  EXPECT_EQ(readWatch(event("ADDED", large), 4096), "0 Pod shop/big @5\nend");
}

TEST(ApiStream, EndlessValueIsRejected) {
  JsonSplitter splitter(JsonSplitter::Shape::Sequence, 1000);
  JsonSplitter::Piece piece;
  std::size_t at = 0;
  EXPECT_FALSE(splitter.next("{\"a\":\"", at, piece));
  const std::string part(600, 'x');
  at = 0;
  EXPECT_FALSE(splitter.next(part, at, piece));
  at = 0;
  EXPECT_THROW(splitter.next(part, at, piece), SyntaxError);
}

TEST(ApiStream, OtherBodiesAreRejected) {
  for (const char* text : {"[1]", "{]", R"({"a":1,})", R"({"items":[1,]})", R"({"items":[,]})",
                           R"({"a" 1})", "{\"a\\u0062\":1}", "null", "{} {"})
    EXPECT_THROW(readList(text, 1), SyntaxError) << text;
  for (const char* text :
       {"12 ", "\"x\"x", "{} {", "{\"type\":\"ADDED\"}", R"({"type":"WHAT","object":{}})",
        R"({"type":"ADDED","object":{}})", R"({"type":"ADDED","object":{"metadata":{"name":""}}})",
        "}", "{\"a\":]}"})
    EXPECT_THROW(readWatch(std::string(text) + "{}", 1), SyntaxError) << text;
}

TEST(ApiStream, UnknownFieldsAreIgnored) {
  const std::string text = event(
      "ADDED",
      podJson("a",
              R"(,"status":{"podIP":"10.0.0.1","newField":{"deep":[1,2,{"x":null}]}},"future":1)"));
  WatchBody body(Kind::Pod);
  std::size_t at = 0;
  const auto item = body.next(text, at);
  const auto& object = std::get<ApiObject>(*item);
  EXPECT_TRUE(object.diagnostics.empty());
  EXPECT_EQ(std::get<policy::Pod>(*object.object).ips.size(), 1U);
}

// A pod that loses the labels it is selected by would lose its isolation.
TEST(ApiStream, PodWithInvalidLabelsIsRejected) {
  const std::string text =
      event("MODIFIED", R"({"metadata":{"namespace":"shop","name":"a","labels":{"app":5}}})");
  EXPECT_EQ(readWatch(text, 7), "1 Pod shop/a @ withheld\nend");
  ListBody namespaces(Kind::Namespace);
  std::size_t at = 0;
  const auto object =
      namespaces.next(R"({"items":[{"metadata":{"name":"shop","labels":[]}}]})", at);
  ASSERT_TRUE(object);
  EXPECT_FALSE(object->object);
  EXPECT_FALSE(object->diagnostics.empty());
}

// Each label costs every node memory and work, and the API server has no limit for them.
TEST(ApiStream, PodWithTooManyBytesOfLabelsIsRejected) {
  const auto podWith = [](std::size_t bytes) {
    std::string labels;
    for (std::size_t i = 0; i < bytes / 8; ++i) {
      char label[32];
      std::snprintf(label, sizeof label, "%s\"k%05zu\":\"vv\"", i > 0 ? "," : "", i);
      labels += label;
    }
    return event("MODIFIED",
                 R"({"metadata":{"namespace":"shop","name":"a","labels":{)" + labels + "}}}");
  };
  EXPECT_EQ(readWatch(podWith(64 * 1024), 70'000), "1 Pod shop/a @\nend");
  EXPECT_EQ(readWatch(podWith(64 * 1024 + 8), 70'000), "1 Pod shop/a @ withheld\nend");
  WatchBody body(Kind::Pod);
  std::size_t at = 0;
  const auto item = body.next(podWith(500'000), at);
  ASSERT_EQ(std::get<ApiObject>(*item).diagnostics.size(), 1U);
  EXPECT_EQ(std::get<ApiObject>(*item).diagnostics[0].message,
            "must have at most 65536 bytes of keys and values, found 500000");
}

TEST(ApiStream, InvalidPolicyIsolates) {
  WatchBody body(Kind::NetworkPolicy);
  std::size_t at = 0;
  const auto item = body.next(
      event(
          "ADDED",
          R"({"metadata":{"namespace":"shop","name":"p"},"spec":{"podSelector":5,"policyTypes":["Sideways"]}})"),
      at);
  const auto& object = std::get<ApiObject>(*item);
  const auto& policy = std::get<policy::NetworkPolicy>(*object.object);
  EXPECT_EQ(policy.podSelector, policy::LabelSelector());
  EXPECT_TRUE(isolates(policy, policy::Direction::Ingress));
  EXPECT_TRUE(isolates(policy, policy::Direction::Egress));
}

TEST(ApiStream, StatusHasTheMessage) {
  const auto status = readStatus(
      R"({"kind":"Status","code":429,"reason":"TooManyRequests","message":"slow down","details":{"retryAfterSeconds":3}})");
  ASSERT_TRUE(status);
  EXPECT_EQ(status->code, 429U);
  EXPECT_EQ(status->retryAfter, std::chrono::seconds(3));
  EXPECT_FALSE(readStatus("<html>"));
  EXPECT_FALSE(readStatus(R"({"kind":"Pod"})"));
  EXPECT_FALSE(readStatus(""));
}

}  // namespace
}  // namespace kpol::kube
