// SPDX-License-Identifier: Apache-2.0
#pragma once

// What `kpolctl completion` prints: the files of packaging/completion, as they were when kpolctl
// was built.
namespace kpol::kpolctl {

extern const char kBashCompletion[];
extern const char kFishCompletion[];
extern const char kZshCompletion[];

}  // namespace kpol::kpolctl
