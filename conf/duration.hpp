// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

namespace kpol::conf {

// A length of time as Go and Kubernetes write it: "300ms", "10s", "1m30s", "2h"; decimal fractions
// are allowed ("1.5s"). Units ms, s, m, h. No sign, no bare number but "0"; at most 1000 hours.
std::optional<std::chrono::milliseconds> parseDuration(std::string_view text);

}  // namespace kpol::conf
