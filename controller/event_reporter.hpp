// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/event_queue.hpp"
#include "controller/node_state.hpp"
#include "controller/source.hpp"

#include <vector>

namespace kpol::controller {

// The events that a node's diagnostics stand for: about policies that are not enforced as written,
// and about objects that kpold cannot read.
std::vector<ClusterEvent> eventsOf(const std::vector<policy::Diagnostic>& diagnostics);

// The events that other filters of the node stand for: about the Node.
std::vector<ClusterEvent> eventsOf(const std::vector<node::FirewallFinding>& findings,
                                   const std::string& nodeName);

// Tells the cluster what its people should know of this node. Enforcement never waits for it.
class EventReporter {
 public:
  EventReporter(const NodeState& state, Source& source)
      : state_(state), source_(source), queue_({}, base::systemRandom()) {}

  // Until cancelled.
  base::Task<> run();
  [[nodiscard]] const EventQueue::Counters& counters() const { return queue_.counters(); }

 private:
  void gather();
  base::Task<> send(ClusterEvent event);

  const NodeState& state_;
  Source& source_;
  EventQueue queue_;
  std::uint64_t drifts_ = 0;  // told of
  bool logged_ = false;       // that nobody takes events
};

}  // namespace kpol::controller
