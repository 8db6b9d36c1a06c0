// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace kpol::conf {

// Parses a duration in the notation of Go and Kubernetes: "300ms", "10s", "1m30s", "2h", "1.5s".
// Units are ms, s, m and h. Returns nullopt for any other text, including a sign, a number without
// a unit other than "0", and more than 1000 hours.
std::optional<std::chrono::milliseconds> parseDuration(std::string_view text);

}  // namespace kpol::conf
