// SPDX-License-Identifier: Apache-2.0
// The environment of a call: lines of NAME=VALUE.
#include "base/error.hpp"
#include "conf/cni_env.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <string>

KPOL_FUZZ_HARNESS(cni_env) {
  std::map<std::string, std::string> variables;
  auto text = kpol::fuzz::textOf(data, size);
  while (!text.empty()) {
    const auto line = text.substr(0, text.find('\n'));
    const auto equals = line.find('=');
    if (equals != line.npos)
      variables[std::string(line.substr(0, equals))] = line.substr(equals + 1);
    text.remove_prefix(std::min(text.size(), line.size() + 1));
  }
  try {
    const auto env = kpol::conf::parseCniEnv([&](const char* name) -> std::optional<std::string> {
      const auto found = variables.find(name);
      if (found == variables.end()) return std::nullopt;
      return found->second;
    });
    for (const auto& word : {env.containerId, env.args.pod.ns, env.args.pod.name, env.args.podUid})
      kpol::fuzz::require(std::none_of(word.begin(), word.end(),
                                       [](char c) { return c == ' ' || c == '/' || c == '\n'; }),
                          "what names files and lines is one word");
  } catch (const kpol::base::Error&) {
    // rejected: a valid result
  }
  return 0;
}
