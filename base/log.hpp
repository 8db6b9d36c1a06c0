// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string_view>

namespace kpol::base {

enum class LogLevel { Trace, Debug, Info, Warn, Error };
enum class LogFormat { Text, Json };

std::optional<LogLevel> parseLogLevel(std::string_view text);    // "trace" .. "error"
std::optional<LogFormat> parseLogFormat(std::string_view text);  // "text", "json"

// Sets spdlog's default logger: stderr, one line per event, level and format as given. Called once
// by main; everything else logs through spdlog::info and its sisters, as
// `spdlog::info("message key={} key={}: {}", ...)` with the keys named in docs/architecture.md;
// what others said comes last, after the colon (base/log_line.hpp says why).
void setUpLog(LogLevel level, LogFormat format);

}  // namespace kpol::base
