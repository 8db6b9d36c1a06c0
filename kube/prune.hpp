// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kpol::kube {

// Whether a member `name` of an object under the key `owner` is large in real clusters and used by
// no decoder (managedFields, volumes, ...).
bool isUnused(std::string_view owner, std::string_view name);

// Returns `json` with the values of unused members replaced by null. They are skipped by counting
// brackets and quotes, several times faster than parsing. Everything else is unchanged, and the
// parser validates it. If brackets do not match, returns `json` unchanged.
std::string pruned(std::string_view json);

}  // namespace kpol::kube
