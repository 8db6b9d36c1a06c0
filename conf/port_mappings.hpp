// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/host_port.hpp"
#include "conf/json_object.hpp"

#include <vector>

// Host ports in JSON. Private to conf/.
namespace kpol::conf {

// Reads the array `key` of `object`, with elements
// {"hostPort":…,"containerPort":…,"protocol":…,"hostIP":…} according to the CNI convention for the
// capability portMappings. "protocol" is case-insensitive, by default tcp. "hostIP" may be empty,
// but not ::1. Returns them sorted and unique. Throws ConfigError, also if two different mappings
// overlap.
std::vector<base::HostPort> readPortMappings(const JsonObject& object, std::string_view key);

// Prints the ports in the same form.
Json toJson(const std::vector<base::HostPort>& ports);

}  // namespace kpol::conf
