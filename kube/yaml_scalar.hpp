// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/tree_builder.hpp"

#include <string>
#include <string_view>

// What the scalars of a YAML text mean, by the rules of sigs.k8s.io/yaml, through which kubectl and
// the API server read YAML: those of go-yaml v2 (YAML 1.1 booleans, 0o and leading-zero octal,
// underscores in numbers), then a conversion to JSON (a float without a fraction is an integer, a
// timestamp stays text).
namespace kpol::kube {

// A scalar with yaml-cpp's tag: "?" plain, "!" quoted, else a full tag. Throws SyntaxError, without
// a line, for what JSON does not have: infinity, not-a-number.
Json yamlScalar(std::string_view tag, std::string_view text);

// A scalar that stands as a key, as text: `80` is "80", `0x50` too, `on` is "true".
std::string yamlKey(std::string_view tag, std::string_view text);

}  // namespace kpol::kube
