// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kpol::policy {

// The reason for which the packets of one counter were dropped.
struct Denial {
  enum class Cause : unsigned char {
    Ingress,          // no ingress rule of the profile admits them
    Egress,           // no egress rule of the profile admits them
    UnknownEndpoint,  // interface and address are of no known pod, or a pod sent to 127.0.0.0/8
    Metadata,         // a guarded pod sent them to the cloud's metadata service
    Revoked,          // they belong to a flow that a later policy forbids
  };
  Cause cause = Cause::Ingress;
  std::string profile = {};  // the name of its chain; Ingress and Egress only
  bool operator==(const Denial&) const = default;
};

// Returns nullopt for any other counter (vxlan-guard, for example).
std::optional<Denial> denialOf(std::string_view counter);

}  // namespace kpol::policy
