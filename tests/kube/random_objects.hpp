// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/object.hpp"

#include <random>
#include <vector>

namespace kpol::kube::testing {

// Objects that use every field and edge value in some of the runs, each id once. Equal seeds give
// equal objects.
std::vector<Object> randomObjects(std::mt19937& random, std::size_t count);

}  // namespace kpol::kube::testing
