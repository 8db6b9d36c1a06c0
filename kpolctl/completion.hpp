// SPDX-License-Identifier: Apache-2.0
#pragma once

// The output of `kpolctl completion`: the files of packaging/completion at the time of the build.
namespace kpol::kpolctl {

extern const char kBashCompletion[];
extern const char kFishCompletion[];
extern const char kZshCompletion[];

}  // namespace kpol::kpolctl
