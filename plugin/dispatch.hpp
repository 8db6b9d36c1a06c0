// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/cni_env.hpp"

#include <functional>
#include <string>

namespace kpol::plugin {

// The response of the process to the container runtime.
struct Answer {
  int exitCode = 0;
  std::string output;   // for standard output: one result, one error, or empty
  std::string message;  // for standard error, human-readable; empty on success
};

// Handles one call of the plugin. `readInput` returns the text of standard input and is called at
// most once. Every exception derived from std::exception becomes an Answer with an error result.
Answer answer(const conf::EnvLookup& environment, const std::function<std::string()>& readInput);

}  // namespace kpol::plugin
