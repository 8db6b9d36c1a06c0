// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/host_port.hpp"
#include "base/ip_address.hpp"
#include "netlink/socket.hpp"
#include "netlink/tracked_flow.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

namespace kpol::netlink {

// Deletes all conntrack entries whose source, or whose destination after destination NAT, is one of
// `addresses`. Otherwise the next pod with that address could send and receive on flows that were
// allowed for the previous pod. In the calling thread's network namespace. Returns the number of
// matching entries. Throws Error.
std::size_t forgetFlows(std::span<const base::IpAddress> addresses);

// Deletes the conntrack entries of UDP flows to the UDP ports among `ports`, wherever NAT sent
// them, so that the current NAT rules apply to the next datagram. Only flows to the namespace's own
// addresses match; forwarded flows are not changed. Returns and throws like forgetFlows.
std::size_t forgetDatagramFlows(std::span<const base::HostPort> ports);

// Sets and clears one label bit of conntrack entries, by which a ruleset can drop established
// flows. In the network namespace of the constructor. All functions throw Error.
class FlowLabel {
 public:
  explicit FlowLabel(std::uint8_t bit);

  // Entries have space for labels only if they were added while a rule that sets a label existed.
  // Other entries are replaced by a new one with the label: if they were only deleted, conntrack
  // would pick the flow up in its midst (nf_conntrack_tcp_loose), possibly in the other direction.
  // The new entry does not translate addresses. Returns false if the flow does not exist any more.
  bool set(const TrackedFlow& flow);
  // An entry that lacksTranslation() is deleted, so that the next packet is translated again.
  // Returns false if the flow does not exist any more.
  bool clear(const TrackedFlow& flow);

 private:
  enum class Outcome : std::uint8_t { Done, Gone, NoSpace };
  Outcome change(const TrackedFlow& flow, bool on);
  Outcome replace(const TrackedFlow& flow);

  Socket socket_;
  FlowLabels bit_;
};

}  // namespace kpol::netlink
