// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/exposition.hpp"
#include "controller/source.hpp"

#include <vector>

namespace kpol::controller {

// Adds the metrics of the API server's watches, by kind. No samples if the source is no API server.
void addApi(const std::vector<WatchStatus>& watches, Exposition& exposition);

}  // namespace kpol::controller
