// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace kpol::kube {

// The label by which selectors match a Namespace's name; the API server keeps it equal to the name.
inline constexpr std::string_view kMetadataName = "kubernetes.io/metadata.name";

}  // namespace kpol::kube
