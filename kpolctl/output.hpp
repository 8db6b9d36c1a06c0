// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

namespace kpol::kpolctl {

using Json = nlohmann::ordered_json;

using Texts = std::vector<std::string>;

// The text in a field that must be there.
std::string textOf(const Json& json, const char* field);

enum class Format { Table, JsonText, YamlText };

// As kubectl indents them; one value, with a final newline.
std::string jsonText(const Json& json);
std::string yamlText(const Json& json);

}  // namespace kpol::kpolctl
