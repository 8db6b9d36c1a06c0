// SPDX-License-Identifier: Apache-2.0
#include "base/log.hpp"

#include "base/log_line.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <string>

namespace kpol::base {
namespace {

// spdlog prints time and level before the message; in JSON this also opens the object.
constexpr const char* kTextPattern = "%Y-%m-%dT%H:%M:%S.%e%z %l %v";
constexpr const char* kJsonPattern = R"({"ts":%E.%f,"level":"%l",%v)";

spdlog::level::level_enum toSpdlog(LogLevel level) {
  switch (level) {
    case LogLevel::Trace: return spdlog::level::trace;
    case LogLevel::Debug: return spdlog::level::debug;
    case LogLevel::Info: return spdlog::level::info;
    case LogLevel::Warn: return spdlog::level::warn;
    case LogLevel::Error: return spdlog::level::err;
  }
  return spdlog::level::info;
}

struct LogOutput {
  LogOutput(LogLevel level, LogFormat lineFormat)
      : format(lineFormat), logger("kpol", std::make_shared<spdlog::sinks::stderr_sink_st>()) {
    logger.set_pattern(format == LogFormat::Json ? kJsonPattern : kTextPattern);
    logger.set_level(toSpdlog(level));
    logger.flush_on(spdlog::level::trace);
  }
  LogFormat format;
  spdlog::logger logger;
};

std::unique_ptr<LogOutput>& logOutput() {
  static auto output = std::make_unique<LogOutput>(LogLevel::Info, LogFormat::Text);
  return output;
}

}  // namespace

std::optional<LogLevel> parseLogLevel(std::string_view text) {
  if (text == "trace") return LogLevel::Trace;
  if (text == "debug") return LogLevel::Debug;
  if (text == "info") return LogLevel::Info;
  if (text == "warn") return LogLevel::Warn;
  if (text == "error") return LogLevel::Error;
  return std::nullopt;
}

std::optional<LogFormat> parseLogFormat(std::string_view text) {
  if (text == "text") return LogFormat::Text;
  if (text == "json") return LogFormat::Json;
  return std::nullopt;
}

void setUpLog(LogLevel level, LogFormat format) {
  logOutput() = std::make_unique<LogOutput>(level, format);
}

bool logEnabled(LogLevel level) {
  return logOutput()->logger.should_log(toSpdlog(level));
}

void log(LogLevel level, std::string_view message, LogFields fields) {
  if (!logEnabled(level)) return;
  auto& output = *logOutput();
  const bool isJson = output.format == LogFormat::Json;
  const std::string line = isJson ? jsonLine(message, fields) : textLine(message, fields);
  output.logger.log(toSpdlog(level), spdlog::string_view_t(line));
}

void logDebug(std::string_view message, LogFields fields) {
  log(LogLevel::Debug, message, fields);
}
void logInfo(std::string_view message, LogFields fields) {
  log(LogLevel::Info, message, fields);
}
void logWarn(std::string_view message, LogFields fields) {
  log(LogLevel::Warn, message, fields);
}
void logError(std::string_view message, LogFields fields) {
  log(LogLevel::Error, message, fields);
}

}  // namespace kpol::base
