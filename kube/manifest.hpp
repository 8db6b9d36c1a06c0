// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/object.hpp"
#include "policy/diagnostic.hpp"

#include <string_view>
#include <vector>

namespace kpol::kube {

struct Manifests {
  std::vector<Object> objects;  // in the order of the text
  // Messages begin with file and document: "policies.yaml: document 3: …". Object and field are as
  // in policy::Diagnostic.
  std::vector<policy::Diagnostic> diagnostics;
  [[nodiscard]] bool broken() const;  // whether any diagnostic is an error
};

// Reads Kubernetes manifests: YAML (several documents, separated by "---") or JSON, single objects
// and List kinds. YAML is read as by kubectl (sigs.k8s.io/yaml: unquoted `on`, `yes`, `y`, `n` are
// booleans, `0120` is octal), but a duplicate key is an error. Decodes Pods, Namespaces,
// NetworkPolicies and Nodes; other kinds cause a warning and are left out.
//
// Anything that the API server rejects is an error: wrong types, invalid names, addresses,
// selectors or ports, a known kind with another apiVersion. Null items of lists, and an object
// defined twice in one text, are errors too. All errors of an object are reported, and an invalid
// document does not hide those after it. Only a text that is not UTF-8 or contains control
// characters is rejected as a whole. Unknown fields are ignored, with a warning inside a
// NetworkPolicy's spec. A missing namespace means "default". Documents are counted from 1, without
// empty ones. Never throws on any input.
Manifests readManifests(std::string_view text, std::string_view fileName);

}  // namespace kpol::kube
