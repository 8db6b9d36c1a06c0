// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace kpol::controller {

// The body of /v1/show/ips: what the plugin's own address management hands out, and who holds what.
// {"ranges":[{"network":…,"subnet":…,"first":…,"last":…,"gateway":…|null,"size":N,"used":N,"free":N}],
//  "leases":[{"address":…,"network":…,"namespace":…,"name":…,"containerID":…,"ifName":…,
//             "since":SECONDS,"state":"held"|"departed"}]}
// Sizes beyond 64 bits are given as the largest such number. Ranges are those of each network's
// last ADD. Reads the store as it is between two changes, without keeping anybody waiting. Throws
// base::Error where it cannot be read.
std::string leasesJson(const std::string& stateDir);

}  // namespace kpol::controller
