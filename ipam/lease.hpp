// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/interface.hpp"
#include "base/ip_address.hpp"
#include "base/object_key.hpp"
#include "conf/attachment.hpp"

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

namespace kpol::ipam {

// Addresses held by one interface of one pod.
struct Lease {
  conf::AttachmentId id;
  std::string network;                     // name of the network config
  base::ObjectKey pod;                     // parts may be empty
  std::int64_t time = 0;                   // of ADD, seconds since the epoch
  std::vector<base::IpAddress> addresses;  // one of each range set, in their order
  auto operator<=>(const Lease&) const = default;
};

// Addresses whose pod has ended, but whose link may still be in the kernel, or flows of theirs:
// they are nobody's, and not to be given to anybody until it is settled that both are gone.
struct Departure {
  Lease lease;
  base::IfIndex link{};  // the host's end; 0: there was none any more
  auto operator<=>(const Departure&) const = default;
};

}  // namespace kpol::ipam
