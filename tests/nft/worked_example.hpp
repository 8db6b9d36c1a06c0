// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <string_view>

namespace kpol::test {

// A table as kpol makes them, small, and what nft 1.0.6 lists for it.
nft::Ruleset workedExample();
extern const std::string_view kWorkedExampleText;

}  // namespace kpol::test
