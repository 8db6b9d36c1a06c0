// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/tree_builder.hpp"

#include <string_view>

namespace kpol::kube {

// Parses one YAML document to the JSON tree that sigs.k8s.io/yaml would return; null for an empty
// document. There are two differences, both stricter: a duplicate key is an error (YAML forbids it,
// kubectl uses the last one), and a merge (`<<`) never overrides a key of its own object. Throws
// SyntaxError, also if aliases add too many values.
Json parseYaml(std::string_view document, std::size_t firstLine);

}  // namespace kpol::kube
