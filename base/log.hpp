// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string_view>
#include <variant>

// The log of the process: one line per event, on stderr.
//
//   base::logInfo("committed", {{"changes", changes}, {"took_ms", milliseconds}});
//
// A message is a fixed sentence; all variable parts are fields. docs/architecture.md lists the
// keys. Texts from outside kpol (errors, kernel messages, file contents) are fields too, and cannot
// add a line or another field. Not thread-safe: only the main thread logs.
namespace kpol::base {

enum class LogLevel { Trace, Debug, Info, Warn, Error };
enum class LogFormat { Text, Json };

std::optional<LogLevel> parseLogLevel(std::string_view text);    // "trace" .. "error"
std::optional<LogFormat> parseLogFormat(std::string_view text);  // "text", "json"

// True for lower-case letters and '_', except the keys that every JSON line has.
constexpr bool isLogKey(std::string_view text) {
  for (const char c : text)
    if (c != '_' && (c < 'a' || c > 'z')) return false;
  return !text.empty() && text != "ts" && text != "level" && text != "msg";
}

// A string literal for which isLogKey is true; other literals do not compile.
class LogKey {
 public:
  consteval LogKey(const char* text) : text_(text) {  // NOLINT(google-explicit-constructor)
    if (!isLogKey(text_)) throw "not a key of the log";
  }
  [[nodiscard]] constexpr std::string_view text() const { return text_; }

 private:
  std::string_view text_;
};

// One `key=value` of a line. Texts are not copied, so build fields in the call that logs them.
class LogField {
 public:
  using Value = std::variant<std::string_view, std::int64_t, std::uint64_t, double, bool>;

  constexpr LogField(LogKey key, std::string_view text) : key_(key.text()), value_(text) {}
  template <std::same_as<bool> T>  // a pointer must not become a bool
  constexpr LogField(LogKey key, T value) : key_(key.text()), value_(value) {}
  template <std::signed_integral T>
  constexpr LogField(LogKey key, T value) : key_(key.text()), value_(std::int64_t{value}) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) constexpr LogField(LogKey key, T value)
      : key_(key.text()), value_(std::uint64_t{value}) {}
  template <std::floating_point T>  // printed with three decimals
  constexpr LogField(LogKey key, T value) : key_(key.text()), value_(double{value}) {}

  [[nodiscard]] constexpr std::string_view key() const { return key_; }
  [[nodiscard]] constexpr const Value& value() const { return value_; }

 private:
  std::string_view key_;
  Value value_;
};

using LogFields = std::initializer_list<LogField>;

// Drops lines below `level`. Called once by main; before that, the log is text at level info.
void setUpLog(LogLevel level, LogFormat format);

// Whether lines of this level are printed. For callers whose fields are costly to compute.
bool logEnabled(LogLevel level);

// If several fields have the same key, only the last one is printed.
void log(LogLevel level, std::string_view message, LogFields fields = {});
void logDebug(std::string_view message, LogFields fields = {});
void logInfo(std::string_view message, LogFields fields = {});
void logWarn(std::string_view message, LogFields fields = {});
void logError(std::string_view message, LogFields fields = {});

}  // namespace kpol::base
