// SPDX-License-Identifier: Apache-2.0
#include "base/interface.hpp"

#include <algorithm>

namespace kpol::base {

std::optional<IfName> IfName::parse(std::string_view text) {
  if (text.empty() || text.size() > 15 || text == "." || text == "..") return std::nullopt;
  const bool valid = std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return c != '/' && c != ':' && byte > 0x20 && byte != 0x7F;
  });
  if (!valid) return std::nullopt;
  return IfName(text);
}

}  // namespace kpol::base
