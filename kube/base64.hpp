// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kpol::kube {

// RFC 4648 with padding; line breaks and blanks are passed over. Nothing for any other byte.
std::optional<std::string> decodeBase64(std::string_view text);

}  // namespace kpol::kube
