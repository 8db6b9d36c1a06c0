// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace kpol::controller {

// The body of /v1/show/ips: the ranges of kpol's own IPAM, and which pod has which address.
// {"ranges":[{"network":…,"subnet":…,"first":…,"last":…,"gateway":…|null,"size":N,"used":N,"free":N}],
//  "leases":[{"address":…,"network":…,"namespace":…,"name":…,"containerID":…,"ifName":…,
//             "since":SECONDS,"state":"held"|"departed"}]}
// "since" is in Unix seconds. Sizes beyond 64 bits are given as the largest 64-bit number. Ranges
// are those of each network's last ADD. Reads a consistent state of the lease store without
// blocking writers: it takes the lock, for up to a second, only if it read the file while a torn
// line was being cut off. Throws base::Error if the store cannot be read.
std::string leasesJson(const std::string& stateDir);

}  // namespace kpol::controller
