// SPDX-License-Identifier: Apache-2.0
#include "base/log_line.hpp"

#include <gtest/gtest.h>

namespace kpol::base {
namespace {

// What follows time and level.
std::string json(std::string_view message) {
  const auto line =
      jsonLine(std::chrono::system_clock::time_point(std::chrono::microseconds(1500000000000042)),
               "info", message);
  const std::string begin = R"({"ts":1500000000.000042,"level":"info",)";
  EXPECT_TRUE(line.starts_with(begin)) << line;
  return line.substr(begin.size());
}

TEST(JsonLine, WordsAtTheEndAreFields) {
  EXPECT_EQ(json("committed changes=3 took_ms=0.125 errno=-2"),
            R"("msg":"committed","changes":3,"took_ms":0.125,"errno":-2})");
  EXPECT_EQ(json("pod start pod=shop/a interface=eth0"),
            R"("msg":"pod start","pod":"shop/a","interface":"eth0"})");
  EXPECT_EQ(json("nothing to say"), R"("msg":"nothing to say"})");
  EXPECT_EQ(json("set a=b when c"), R"("msg":"set a=b when c"})");
  EXPECT_EQ(json(""), R"("msg":""})");
  EXPECT_EQ(json("gen=1"), R"("msg":"gen=1"})") << "a message has words";
}

TEST(JsonLine, WhatOthersSayIsNoField) {
  EXPECT_EQ(json("cannot read kind=Pod: bad level=error ts=0 kind=x"),
            R"("msg":"cannot read: bad level=error ts=0 kind=x","kind":"Pod"})");
  EXPECT_EQ(json("x msg=1 seq=2"), R"("msg":"x msg=1","seq":2})");
  EXPECT_EQ(json("x seq=1 seq=2"), R"("msg":"x","seq":2})");
  EXPECT_EQ(json("x net.ipv4=1"), R"("msg":"x net.ipv4=1"})");
  EXPECT_EQ(json("x key=a\"b"), R"("msg":"x","key":"a\"b"})");
}

TEST(JsonLine, OnlyWhatJsonTakesForANumberIsOne) {
  for (const char* text :
       {"01", "1.", ".5", "-", "1e5", "0x1", "1234567890123456", "nan", "", "1.2.3"})
    EXPECT_EQ(json("x seq=" + std::string(text)),
              R"("msg":"x","seq":")" + std::string(text) + "\"}");
  EXPECT_EQ(json("x seq=0"), R"("msg":"x","seq":0})");
  EXPECT_EQ(json("x node=12 version=1"), R"("msg":"x","node":"12","version":"1"})");
}

TEST(JsonLine, BytesThatAreNoTextAreReplaced) {
  EXPECT_EQ(json("\"\\\n\x7f"), "\"msg\":\"\\\"\\\\\\u000a\\u007f\"}");
  const std::string good = "\xc3\xa9 \xe2\x82\xac \xed\x9f\xbf \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf";
  EXPECT_EQ(json(good), "\"msg\":\"" + good + "\"}");
  struct Case {
    std::string bytes;
    int replaced;
  };
  for (const auto& [bytes, replaced] :
       {Case{"\xff", 1}, Case{"\x80", 1}, Case{"\xc3", 1}, Case{"\xc0\xaf", 2}, Case{"\xe2\x82", 2},
        Case{"\xe0\x9f\xbf", 3}, Case{"\xed\xa0\x80", 3}, Case{"\xf0\x8f\xbf\xbf", 4},
        Case{"\xf4\x90\x80\x80", 4}, Case{"\xf5\x80\x80\x80", 4}}) {
    std::string expected = "\"msg\":\"a";
    for (int i = 0; i < replaced; ++i) expected += "\\ufffd";
    EXPECT_EQ(json("a" + bytes + "b"), expected + "b\"}");
  }
}

TEST(PlainLine, IsOneLine) {
  EXPECT_EQ(plainLine("a\r\nb \xc3\xa9"), "a\\x0d\\x0ab \xc3\xa9");
}

}  // namespace
}  // namespace kpol::base
