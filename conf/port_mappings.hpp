// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/host_port.hpp"
#include "conf/json_object.hpp"

#include <vector>

// Host ports as JSON. Private to conf/.
namespace kpol::conf {

// The array `key` of `object`, of {"hostPort":…,"containerPort":…,"protocol":…,"hostIP":…} as the
// CNI convention for the capability portMappings has it: the protocol in any case, tcp where it is
// not given; hostIP may be empty, and not ::1. Sorted, unique. Throws ConfigError.
std::vector<base::HostPort> readPortMappings(const JsonObject& object, std::string_view key);

// And back.
Json toJson(const std::vector<base::HostPort>& ports);

}  // namespace kpol::conf
