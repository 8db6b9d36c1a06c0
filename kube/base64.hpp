// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kpol::kube {

// Decodes base64 (RFC 4648) with padding, ignoring line breaks and blanks. nullopt if it is
// invalid.
std::optional<std::string> decodeBase64(std::string_view text);

}  // namespace kpol::kube
