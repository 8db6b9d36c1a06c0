// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <string_view>

namespace kpol::test {

// A small table like those of kpol, and its listing by nft 1.0.6.
nft::Ruleset workedExample();
extern const std::string_view kWorkedExampleText;

}  // namespace kpol::test
