// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/object.hpp"
#include "policy/diagnostic.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace kpol::kube {

// The origin of an object decides how values are treated that the API server would reject.
enum class Origin : unsigned char {
  // Written by people: anything that the API server rejects is an error, and an object with an
  // error is not returned.
  Manifest,
  // Stored in the cluster, perhaps under older or newer rules than those implemented here. The
  // object is returned if it has a name, and what cannot be read fails closed: a NetworkPolicy rule
  // with an error and a port of unknown protocol match nothing, policyTypes with an error isolate
  // both directions, and a podSelector with an error selects the whole namespace. An invalid
  // address or port of a Pod or Node is left out.
  ApiServer,
};

struct DecodeResult {
  std::optional<Object> object;
  std::vector<policy::Diagnostic> diagnostics;  // in the order of the fields
};

// Decodes the JSON text of one object of `kind`. Its own apiVersion and kind are ignored, because
// the items of a typed list have none. Unknown fields are ignored, except in a NetworkPolicy: with
// a warning in its spec and podSelector, and as an error inside a rule. Reports all errors of the
// object, not only the first. Never throws on any input.
DecodeResult decodeObject(Kind kind, std::string_view json, Origin origin);

}  // namespace kpol::kube
