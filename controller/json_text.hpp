// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>

namespace kpol::controller {

using Json = nlohmann::ordered_json;

// One line of valid UTF-8; other bytes, which names from manifests may hold, are replaced.
std::string dump(const Json& json);

}  // namespace kpol::controller
