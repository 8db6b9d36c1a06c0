// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/field.hpp"

// One decoder for each kind. Always returns a value; errors are in the Report of `root`.
namespace kpol::kube {

policy::Namespace decodeNamespace(const Field& root);
policy::Node decodeNode(const Field& root);
policy::Pod decodePod(const Field& root);
policy::NetworkPolicy decodeNetworkPolicy(const Field& root);

// Runs the decoder of `kind` and adds the object's name to the diagnostics.
DecodeResult decodeTree(Kind kind, const Json& tree, Origin origin);

}  // namespace kpol::kube
