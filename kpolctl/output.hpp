// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace kpol::kpolctl {

using Json = nlohmann::ordered_json;

using Texts = std::vector<std::string>;

// The string in a required field. Throws nlohmann::json::exception if it is missing or not a
// string.
std::string textOf(const Json& json, const char* field);

enum class Format { Table, JsonText, YamlText };

// One value, indented as kubectl does, with a final newline.
std::string jsonText(const Json& json);
std::string yamlText(const Json& json);

}  // namespace kpol::kpolctl
