// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <string>
#include <vector>

namespace kpol::test {

// A rule, and the text that a person would type for it and nft lists it by.
struct RuleCase {
  std::string text;
  nft::Rule rule;
  std::string chain = "forward";  // translations belong to the chains of their hooks
};

// Every kind of statement, field and right side, alone and together.
std::vector<RuleCase> ruleCases();

// A table with all that the rules of ruleCases() refer to, and without rules.
nft::Ruleset tableForRuleCases();

}  // namespace kpol::test
