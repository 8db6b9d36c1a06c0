// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/object.hpp"

#include <string>
#include <vector>

namespace kpol::kube::testing {

// "Modified Pod shop/web".
inline std::string line(const WatchEvent& event) {
  static constexpr const char* kTypes[] = {"Added ", "Modified ", "Deleted "};
  return kTypes[static_cast<std::size_t>(event.type)] + toString(idOf(event.object));
}

inline std::vector<std::string> lines(const std::vector<WatchEvent>& events) {
  std::vector<std::string> result;
  for (const auto& event : events) result.push_back(line(event));
  return result;
}

}  // namespace kpol::kube::testing
