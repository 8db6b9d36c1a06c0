// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kpol::policy {

// What a counter of the table counts: packets that were dropped, and why.
struct Denial {
  enum class Cause : unsigned char {
    Ingress,          // no ingress rule of the profile admits them
    Egress,           // no egress rule does
    UnknownEndpoint,  // from or to an interface and address that is no pod's
    Metadata,         // to the cloud's metadata service
    Revoked,          // of a flow that a later policy forbids
  };
  Cause cause = Cause::Ingress;
  std::string profile = {};  // its chain's name; of Ingress and Egress
  bool operator==(const Denial&) const = default;
};

// Nothing for a counter that the table does not have.
std::optional<Denial> denialOf(std::string_view counter);

}  // namespace kpol::policy
