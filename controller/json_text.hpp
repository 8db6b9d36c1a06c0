// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace kpol::controller {

using Json = nlohmann::ordered_json;

// One line of valid UTF-8. Invalid bytes, which names from manifests may contain, are replaced.
std::string dump(const Json& json);

}  // namespace kpol::controller
