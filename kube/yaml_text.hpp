// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/tree_builder.hpp"

#include <string_view>

namespace kpol::kube {

// One YAML document as the JSON tree that sigs.k8s.io/yaml makes of it; null for a document with
// nothing in it. Two departures, both towards refusing: a key may not be there twice (YAML forbids
// it, kubectl lets the last one win), and a merge (`<<`) never overrides a key of its own object.
// Throws SyntaxError. Aliases may not swell a document without limit.
Json parseYaml(std::string_view document, std::size_t firstLine);

}  // namespace kpol::kube
