// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace kpol::kube {

// Whether a member called `name`, of an object that stands under the key `owner`, makes up much of
// a large cluster's objects and is looked at by no decoder (managedFields, volumes, ...).
bool isUnused(std::string_view owner, std::string_view name);

// `json` with null in place of the values of unused members. What is left out is passed over by its
// brackets and quotes alone, several times as fast as it could be parsed; all else stays byte for
// byte, for a parser to judge. Text whose brackets do not match comes back as it is.
std::string pruned(std::string_view json);

}  // namespace kpol::kube
