// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/object.hpp"
#include "policy/diagnostic.hpp"

#include <string_view>
#include <vector>

namespace kpol::kube {

struct Manifests {
  std::vector<Object> objects;  // in the order of the text
  // Errors name file, document, object and field:
  // message "policies.yaml: document 3: …", object, field as in policy::Diagnostic.
  std::vector<policy::Diagnostic> diagnostics;
  [[nodiscard]] bool broken() const;  // some diagnostic is an error
};

// Reads Kubernetes manifests: YAML (several documents, "---") or JSON, single objects and List
// kinds. Pods, Namespaces, NetworkPolicies and Nodes are decoded; other kinds give a warning and
// are left out. Unknown fields are ignored; wrong types, missing names, bad addresses, selectors or
// ports are errors. A missing namespace means "default". Never throws on any input.
Manifests readManifests(std::string_view text, std::string_view fileName);

}  // namespace kpol::kube
