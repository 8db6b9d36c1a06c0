// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/object.hpp"
#include "policy/diagnostic.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace kpol::kube {

// Where an object comes from decides what happens to what the API server would refuse.
enum class Origin : unsigned char {
  // Written by people: anything the API server refuses is an error, and an object with an error is
  // not given at all.
  Manifest,
  // Stored in the cluster, perhaps under rules older or newer than those known here: the object is
  // given whenever it can be named, and what could not be read fails closed. A NetworkPolicy rule
  // with an error matches nothing, a port of unknown protocol matches nothing, policyTypes with an
  // error isolate both directions, a podSelector with an error selects the whole namespace; a bad
  // address or port of a Pod or Node is left out.
  ApiServer,
};

struct DecodeResult {
  std::optional<Object> object;
  std::vector<policy::Diagnostic> diagnostics;  // in the order of the fields
};

// Decodes the JSON text of one object of `kind`, whose own apiVersion and kind are not looked at
// (the items of a typed list have none). Unknown fields are ignored; those inside a NetworkPolicy's
// spec give a warning. Every fault of the object is reported, not only the first. Never throws on
// any input.
DecodeResult decodeObject(Kind kind, std::string_view json, Origin origin);

}  // namespace kpol::kube
