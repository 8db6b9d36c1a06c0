// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.hpp"

#include <cstddef>
#include <string>
#include <string_view>

// The part of a log line after time and level. Pure. The result has no line break, whatever the
// message and the values contain, and is valid UTF-8.
namespace kpol::base {

// A value that is longer (in bytes) is cut, and ends in "…". journald and container runtimes split
// longer lines.
constexpr std::size_t kLongestLogValue = 4096;

// message key=value key="value with spaces". A value is quoted if it is empty or contains a space,
// '"', '=' or a byte that is escaped; inside quotes '"' and '\' have a '\' before them. Bytes of
// control characters, of Unicode line separators and of invalid UTF-8 are printed as \xNN.
std::string textLine(std::string_view message, LogFields fields);

// "msg":"message","key":value} — the end of a JSON object. Texts are always strings, with invalid
// UTF-8 as U+FFFD. A double that is not finite is null.
std::string jsonLine(std::string_view message, LogFields fields);

}  // namespace kpol::base
