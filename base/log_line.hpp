// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>
#include <string_view>

// Lines of the log. Whatever a message holds, of files, servers or packets, a line stays one.
namespace kpol::base {

// {"ts":SECONDS,"level":LEVEL,"msg":TEXT,KEY:VALUE,…} without the end of the line. The fields are
// the `key=value` words at the end of the message, or where it has ": " at the end of what is
// before that; they are taken out of msg. Nothing after the first ": " is ever a field, because
// that is where texts of others stand. Control bytes are escaped, and what is no UTF-8 is U+FFFD.
std::string jsonLine(std::chrono::system_clock::time_point time, std::string_view level,
                     std::string_view message);

// The message with control bytes as \xNN.
std::string plainLine(std::string_view message);

}  // namespace kpol::base
