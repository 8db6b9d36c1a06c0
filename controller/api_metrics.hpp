// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/exposition.hpp"
#include "controller/source.hpp"

#include <vector>

namespace kpol::controller {

// How the API server is followed, by kind; no samples where the source is none.
void addApi(const std::vector<WatchStatus>& watches, Exposition& exposition);

}  // namespace kpol::controller
