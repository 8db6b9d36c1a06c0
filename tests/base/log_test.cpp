// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include <gtest/gtest.h>

#include <ctime>
#include <sstream>
#include <string>

namespace kpol::base {
namespace {

using testing::internal::CaptureStderr;
using testing::internal::GetCapturedStderr;
using testing::internal::RE;

std::string warned(LogFormat format, std::string_view error) {
  CaptureStderr();
  setUpLog(LogLevel::Info, format);
  logWarn("cannot read", {{"error", error}});
  return GetCapturedStderr();
}

// The messages that are printed at this level.
std::string printed(LogLevel level) {
  CaptureStderr();
  setUpLog(level, LogFormat::Text);
  log(LogLevel::Trace, "t");
  logDebug("d");
  logInfo("i");
  logWarn("w");
  logError("e");
  std::string result;
  std::istringstream lines(GetCapturedStderr());
  for (std::string line; std::getline(lines, line);) result += line.back();
  return result;
}

TEST(LogLevel, ParsesExactlyTheKnownNames) {
  EXPECT_EQ(parseLogLevel("trace"), LogLevel::Trace);
  EXPECT_EQ(parseLogLevel("debug"), LogLevel::Debug);
  EXPECT_EQ(parseLogLevel("info"), LogLevel::Info);
  EXPECT_EQ(parseLogLevel("warn"), LogLevel::Warn);
  EXPECT_EQ(parseLogLevel("error"), LogLevel::Error);
  for (const auto* text : {"", "INFO", "warning", "fatal", "3"})
    EXPECT_EQ(parseLogLevel(text), std::nullopt) << text;
}

TEST(LogFormat, ParsesExactlyTheKnownNames) {
  EXPECT_EQ(parseLogFormat("text"), LogFormat::Text);
  EXPECT_EQ(parseLogFormat("json"), LogFormat::Json);
  EXPECT_EQ(parseLogFormat("JSON"), std::nullopt);
}

// One whole line. POSIX expressions have no "\n".
void expectLine(const std::string& line, const std::string& expression) {
  EXPECT_TRUE(RE::FullMatch(line, RE(expression + "\n"))) << line;
}

TEST(Log, TextIsOneLineWithTimeAndLevel) {
  expectLine(warned(LogFormat::Text, "no buffer"),
             R"([0-9-]+T[0-9:.]+[+-][0-9:]+ warning cannot read error="no buffer")");
}

TEST(Log, JsonIsOneObjectWithTimeAndLevel) {
  const auto line = warned(LogFormat::Json, "no buffer");
  expectLine(line, R"([{]"ts":[0-9]+[.][0-9]{6},"level":"warning",)"
                   R"("msg":"cannot read","error":"no buffer"[}])");
  const double seconds = std::stod(line.substr(line.find(':') + 1));
  EXPECT_NEAR(seconds, static_cast<double>(std::time(nullptr)), 60);
}

TEST(Log, HostileValuesStayWithinTheirLine) {
  const std::string hostile = "%v {} \n{\"ts\":0}\x1b[2J\xff " + std::string(1'000'000, '\n');
  for (const auto format : {LogFormat::Text, LogFormat::Json}) {
    const auto line = warned(format, hostile);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    EXPECT_NE(line.find("%v {} "), line.npos);
    EXPECT_EQ(line.find('\x1b'), line.npos);
    EXPECT_LT(line.size(), 30'000U);
  }
}

TEST(Log, LowerLevelsAreNotLogged) {
  EXPECT_EQ(printed(LogLevel::Trace), "tdiwe");
  EXPECT_EQ(printed(LogLevel::Debug), "diwe");
  EXPECT_EQ(printed(LogLevel::Info), "iwe");
  EXPECT_EQ(printed(LogLevel::Warn), "we");
  EXPECT_EQ(printed(LogLevel::Error), "e");
  EXPECT_TRUE(logEnabled(LogLevel::Error));
  EXPECT_FALSE(logEnabled(LogLevel::Warn));
}

}  // namespace
}  // namespace kpol::base
