// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/tree_builder.hpp"

#include <string>
#include <string_view>

// The values of YAML scalars, by the rules of sigs.k8s.io/yaml, with which kubectl and the API
// server read YAML. Those are the rules of go-yaml v2 (YAML 1.1 booleans, 0o and leading-zero
// octal, underscores in numbers), followed by a conversion to JSON (a float without a fraction is
// an integer, a timestamp stays text).
namespace kpol::kube {

// Returns the value of a scalar with yaml-cpp's tag: "?" unquoted, "!" quoted, else a full tag.
// Throws SyntaxError, without a line, for values that JSON does not have: infinity, not-a-number.
Json yamlScalar(std::string_view tag, std::string_view text);

// Returns a scalar used as a key, as text: `80` and `0x50` are "80", `on` is "true". Throws
// SyntaxError for null.
std::string yamlKey(std::string_view tag, std::string_view text);

}  // namespace kpol::kube
