// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/objects.hpp"

#include <algorithm>
#include <span>
#include <string_view>
#include <tuple>
#include <vector>

namespace kpol::policy {

// Returns the ports of this name and protocol among `ports`, which are sorted as in Pod: a lookup,
// because a pod may declare as many ports as a policy names.
inline std::span<const ContainerPort> portsNamed(const std::vector<ContainerPort>& ports,
                                                 std::string_view name, base::Protocol protocol) {
  using Wanted = std::pair<std::string_view, base::Protocol>;
  const auto keyOf = [](const ContainerPort& port) { return Wanted(port.name, port.protocol); };
  const auto range = std::ranges::equal_range(ports, Wanted(name, protocol), {}, keyOf);
  return {range.begin(), range.end()};
}

}  // namespace kpol::policy
