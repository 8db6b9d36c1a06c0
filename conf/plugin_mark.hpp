// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace kpol::conf {

// A line in the plugin's executable, in every version, by which kpold recognises the file that it
// installed. The constant has no newline, so that the programs that search for the line do not
// contain it themselves.
constexpr std::string_view kPluginMark = "kpol.io/cni-plugin";

}  // namespace kpol::conf
