// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/cni_env.hpp"

#include <functional>
#include <string>

namespace kpol::plugin {

// What the process answers its runtime with.
struct Answer {
  int exitCode = 0;
  std::string output;   // for standard output: one result, one error, or nothing
  std::string message;  // for standard error, for people; empty where all went well
};

// One call of the plugin. `readInput` gives the text of standard input and is asked at most once.
// Never throws what base::Error or the standard library throw: every failure is an Answer with an
// error result.
Answer answer(const conf::EnvLookup& environment, const std::function<std::string()>& readInput);

}  // namespace kpol::plugin
