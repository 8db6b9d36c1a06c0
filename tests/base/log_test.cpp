// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <gtest/gtest.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>

namespace kpol::base {
namespace {

std::string logged(LogLevel level, LogFormat format, const std::string& message) {
  testing::internal::CaptureStderr();
  setUpLog(level, format);
  spdlog::debug("{}", message);
  spdlog::warn("{}", message);
  return testing::internal::GetCapturedStderr();
}

TEST(LogLevel, EveryNameAndNoOther) {
  EXPECT_EQ(parseLogLevel("trace"), LogLevel::Trace);
  EXPECT_EQ(parseLogLevel("debug"), LogLevel::Debug);
  EXPECT_EQ(parseLogLevel("info"), LogLevel::Info);
  EXPECT_EQ(parseLogLevel("warn"), LogLevel::Warn);
  EXPECT_EQ(parseLogLevel("error"), LogLevel::Error);
  for (const auto* text : {"", "INFO", "warning", "fatal", "3"})
    EXPECT_EQ(parseLogLevel(text), std::nullopt) << text;
}

TEST(LogFormat, EveryNameAndNoOther) {
  EXPECT_EQ(parseLogFormat("text"), LogFormat::Text);
  EXPECT_EQ(parseLogFormat("json"), LogFormat::Json);
  EXPECT_EQ(parseLogFormat("JSON"), std::nullopt);
}

TEST(Log, TextIsOneLineWithTimeAndLevel) {
  EXPECT_TRUE(testing::internal::RE::FullMatch(
      logged(LogLevel::Info, LogFormat::Text, "pod attached ns=shop"),
      testing::internal::RE("[0-9-]+T[0-9:.]+[+-][0-9:]+ warning pod attached ns=shop\n")));
}

TEST(Log, LevelHidesWhatIsBelow) {
  const auto lines = [](LogLevel level) {
    const std::string text = logged(level, LogFormat::Text, "x");
    return std::count(text.begin(), text.end(), '\n');
  };
  EXPECT_EQ(lines(LogLevel::Error), 0);
  EXPECT_EQ(lines(LogLevel::Warn), 1);
  EXPECT_EQ(lines(LogLevel::Debug), 2);
}

TEST(Log, TextStaysOneLine) {
  const auto text = logged(LogLevel::Info, LogFormat::Text, "a\nb\x1b[31m\tc");
  EXPECT_NE(text.find(" warning a\\x0ab\\x1b[31m\\x09c\n"), text.npos) << text;
}

TEST(Log, JsonEscapesWhatJsonMust) {
  const auto text = logged(LogLevel::Info, LogFormat::Json, "say \"a\\b\"\n\x01");
  EXPECT_NE(text.find(R"("level":"warning","msg":"say \"a\\b\"\u000a\u0001"})"), text.npos) << text;
  EXPECT_EQ(text.find('\n'), text.size() - 1);
}

}  // namespace
}  // namespace kpol::base
