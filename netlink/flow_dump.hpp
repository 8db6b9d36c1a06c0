// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "netlink/message.hpp"
#include "netlink/request.hpp"
#include "netlink/socket.hpp"
#include "netlink/tracked_flow.hpp"

#include <cstddef>
#include <functional>
#include <optional>
#include <vector>

namespace kpol::netlink {

// Flows with this address at one end: opened by it, or received by it (after destination NAT).
struct FlowEnd {
  base::IpAddress address;
  bool opened = true;
  bool received = true;
};

// Reads conntrack entries batch by batch, so that the caller needs memory for one batch only and
// can change entries meanwhile. Entries that are added during the dump may be missing, and an entry
// may be returned more than once. One thread at a time; in the network namespace of the
// constructor.
//
// The kernel walks the whole table for each request, but sends only entries that match the filter
// (CTA_FILTER, Linux 5.8; older kernels ignore it). Few IPv4 ends use it. IPv6 ends do not: for
// IPv6 addresses the kernel sends exactly the entries that do not match
// (ctnetlink_filter_match_tuple inverts the comparison, Linux 5.8 to at least 6.18). Every entry is
// checked here again.
class FlowDump {
 public:
  using Wanted = std::function<bool(const TrackedFlow&)>;

  FlowDump();  // all entries
  explicit FlowDump(std::vector<FlowEnd> ends);
  // The entries of these families that `wanted` accepts.
  FlowDump(bool v4, bool v6, Wanted wanted);

  // Returns at least `enough` entries (at most one datagram more), or all that are left. Empty: the
  // dump is complete. Throws Error.
  std::vector<TrackedFlow> next(std::size_t enough);

 private:
  void addQuery(std::uint8_t family);
  void addQuery(const FlowEnd& end);
  void start();
  bool receive(std::vector<TrackedFlow>& batch);
  void finish();

  Socket socket_;
  Wanted wanted_;
  std::vector<Message> queries_;
  std::size_t current_ = 0;
  std::optional<Exchange> exchange_;
  bool overrun_ = false;
  int restarts_ = 0;
};

}  // namespace kpol::netlink
