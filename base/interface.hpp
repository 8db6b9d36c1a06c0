// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kpol::base {

// The name of a network interface: 1 to 15 bytes, no '/', ':', ASCII whitespace or control
// character, not "." or ".." (compare net/core/dev.c dev_valid_name).
class IfName {
 public:
  static std::optional<IfName> parse(std::string_view text);
  [[nodiscard]] const std::string& text() const { return text_; }
  auto operator<=>(const IfName&) const = default;

 private:
  explicit IfName(std::string_view text) : text_(text) {}
  std::string text_;
};

// The index of a network interface in its network namespace, > 0.
struct IfIndex {
  std::int32_t value = 0;
  auto operator<=>(const IfIndex&) const = default;
};

}  // namespace kpol::base
