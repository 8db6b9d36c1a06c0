// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/log.hpp"

#include <cstddef>
#include <string>
#include <string_view>

// The part of a log line after time and level. Pure. The result is valid UTF-8 and has no line
// break, regardless of the message and the values.
namespace kpol::base {

// A text value longer than this (in bytes, before escaping) is cut and ends in "…", because
// journald and container runtimes split long lines.
constexpr std::size_t kLongestLogValue = 4096;

// message key=value key="value with spaces". A value is quoted if it is empty or contains a space,
// '"', '=' or an escaped byte; inside quotes, '"' and '\' are preceded by '\'. Bytes of control
// characters, Unicode line separators and invalid UTF-8 are printed as \xNN.
std::string textLine(std::string_view message, LogFields fields);

// "msg":"message","key":value} — the end of a JSON object. Texts are always strings; invalid UTF-8
// becomes U+FFFD. A double that is not finite becomes null.
std::string jsonLine(std::string_view message, LogFields fields);

}  // namespace kpol::base
