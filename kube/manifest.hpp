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
// kinds. YAML means what it means to kubectl (sigs.k8s.io/yaml: plain `on`, `yes`, `y`, `n` are
// booleans, `0120` is octal), but a key that is there twice is an error. Pods, Namespaces,
// NetworkPolicies and Nodes are decoded; other kinds give a warning and are left out.
//
// Anything the API server refuses is an error: wrong types, bad names, addresses, selectors or
// ports, a known kind of another apiVersion. So are null items of lists, and an object defined
// twice in one text. Every fault of an object is reported, and a document with a fault does not
// hide those after it; only text that is not UTF-8 is refused as a whole. Unknown fields are
// ignored, with a warning inside a NetworkPolicy's spec. A missing namespace means "default".
// Documents are counted from 1, leaving out empty ones. Never throws on any input.
Manifests readManifests(std::string_view text, std::string_view fileName);

}  // namespace kpol::kube
