// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/field.hpp"

// One decoder a kind: always gives a value; what is wrong is in the Report of `root`.
namespace kpol::kube {

policy::Namespace decodeNamespace(const Field& root);
policy::Node decodeNode(const Field& root);
policy::Pod decodePod(const Field& root);
policy::NetworkPolicy decodeNetworkPolicy(const Field& root);

// The decoder of `kind`, and the object's name put into the diagnostics.
DecodeResult decodeTree(Kind kind, const Json& tree, Origin origin);

}  // namespace kpol::kube
