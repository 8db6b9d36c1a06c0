// SPDX-License-Identifier: Apache-2.0
#include "conf/duration.hpp"

#include <charconv>

namespace kpol::conf {
namespace {

constexpr double kLongest = 1000.0 * 3600 * 1000;

// Removes "ms", "s", "m" or "h" from the front, and returns the unit in milliseconds.
std::optional<double> takeUnit(std::string_view& text) {
  struct Unit {
    std::string_view name;
    double milliseconds;
  };
  // "ms" is before "m", so that the longer name matches first.
  constexpr Unit kUnits[] = {{"ms", 1}, {"s", 1000}, {"m", 60.0 * 1000}, {"h", 3600.0 * 1000}};
  for (const auto& unit : kUnits) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return unit.milliseconds;
  }
  return std::nullopt;
}

std::optional<double> takeNumber(std::string_view& text) {
  // from_chars would also accept a sign, "inf" and "nan".
  if (text.empty() || text.front() < '0' || text.front() > '9') return std::nullopt;
  double number = 0;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

}  // namespace

std::optional<std::chrono::milliseconds> parseDuration(std::string_view text) {
  if (text == "0") return std::chrono::milliseconds(0);
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    const auto number = takeNumber(text);
    if (!number) return std::nullopt;
    const auto unit = takeUnit(text);
    if (!unit) return std::nullopt;
    total += *number * *unit;
    if (total > kLongest) return std::nullopt;
  }
  return std::chrono::milliseconds(static_cast<std::int64_t>(total + 0.5));
}

}  // namespace kpol::conf
