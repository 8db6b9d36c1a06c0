// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

namespace kpol::conf {

// A line that the plugin's program holds, in every version: how kpold knows the file that it
// installed. Without its newline here, so that no other program that looks for it holds it.
constexpr std::string_view kPluginMark = "kpol.io/cni-plugin";

}  // namespace kpol::conf
