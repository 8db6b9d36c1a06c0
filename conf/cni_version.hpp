// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kpol::conf {

// The versions of the CNI specification that kpol speaks, oldest first.
enum class CniVersion : std::uint8_t { V0_3_0, V0_3_1, V0_4_0, V1_0_0, V1_1_0 };

inline constexpr std::array kCniVersions{CniVersion::V0_3_0, CniVersion::V0_3_1, CniVersion::V0_4_0,
                                         CniVersion::V1_0_0, CniVersion::V1_1_0};
inline constexpr CniVersion kNewestCniVersion = CniVersion::V1_1_0;

std::string_view toString(CniVersion version);
std::optional<CniVersion> parseCniVersion(std::string_view text);

// The network config asks for a version, or a verb of a version, that kpol or this config cannot
// give (CNI error code 1).
class IncompatibleVersion : public base::Error {
 public:
  using Error::Error;
};

// The version of a network config; text without "cniVersion" is a config of 0.1.0, as the
// specification had it then. Throws IncompatibleVersion, or ConfigError where the text is no JSON
// object.
CniVersion versionOf(std::string_view networkConfig);

// The answer to VERSION: {"cniVersion":…,"supportedVersions":[…]}.
std::string printSupportedVersions(CniVersion asked);

}  // namespace kpol::conf
