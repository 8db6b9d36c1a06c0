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

// The addresses of one interface of one pod.
struct Lease {
  conf::AttachmentId id;
  std::string network;                     // name of the network config
  base::ObjectKey pod;                     // parts may be empty
  std::int64_t time = 0;                   // of ADD, seconds since the epoch
  std::vector<base::IpAddress> addresses;  // one from each range set, in their order
  auto operator<=>(const Lease&) const = default;
};

// How long a freed address rests before it is assigned again, if others are free: other nodes may
// not have received the end of its pod yet, and peers may still send to it.
inline constexpr std::int64_t kRestSeconds = 60;

// A pending release: the pod has ended, but its link or conntrack entries of its addresses may
// still be in the kernel. The addresses must not be assigned until both are deleted.
struct Departure {
  Lease lease;
  base::IfIndex link{};  // the host interface; 0: it was already gone, or could not be recorded
  auto operator<=>(const Departure&) const = default;
};

}  // namespace kpol::ipam
