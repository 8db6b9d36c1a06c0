// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kpol::conf {

// The versions of the CNI specification that kpol supports, oldest first.
enum class CniVersion : std::uint8_t { V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0 };

inline constexpr std::array kCniVersions{CniVersion::V0_3_0, CniVersion::V0_3_1, CniVersion::V0_4_0,
                                         CniVersion::V1_0_0, CniVersion::V1_1_0};
inline constexpr CniVersion kNewestCniVersion = CniVersion::V1_1_0;

std::string_view toString(CniVersion version);
std::optional<CniVersion> parseCniVersion(std::string_view text);

// kpol does not support the cniVersion of the network config, or that version does not have the
// command (CNI error code 1).
class IncompatibleVersion : public base::Error {
 public:
  using Error::Error;
};

// Returns the version of a network config. Without "cniVersion" it is 0.1.0, as in the
// specification of that version, which kpol does not support. Throws IncompatibleVersion, or
// ConfigError if the text is not a JSON object or cniVersion is not a string.
CniVersion versionOf(std::string_view networkConfig);

// The result of VERSION: {"cniVersion":…,"supportedVersions":[…]}, in the requested version.
std::string printSupportedVersions(CniVersion asked);

}  // namespace kpol::conf
