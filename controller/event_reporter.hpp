// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/event_queue.hpp"
#include "controller/node_state.hpp"
#include "controller/source.hpp"

#include <vector>

namespace kpol::controller {

// The events for a node's diagnostics: policies that are not enforced as written, and objects that
// kpold cannot read.
std::vector<ClusterEvent> eventsOf(const std::vector<policy::Diagnostic>& diagnostics);

// The events for other packet filters of the node, about the Node object.
std::vector<ClusterEvent> eventsOf(const std::vector<node::FirewallFinding>& findings,
                                   const std::string& nodeName);

// The event for a network config that the container runtime uses instead of kpol's, about the Node
// object.
std::vector<ClusterEvent> eventsOf(const CniConfig::Status& status, const std::string& nodeName);

// Reports this node's problems to the cluster as Events. Enforcement never waits for it.
class EventReporter {
 public:
  EventReporter(const NodeState& state, Source& source)
      : state_(state), source_(source), queue_({}, base::systemRandom()) {}

  // Runs until cancelled.
  base::Task<> run();
  [[nodiscard]] const EventQueue::Counters& counters() const { return queue_.counters(); }

 private:
  void gather();
  base::Task<> send(ClusterEvent event);

  const NodeState& state_;
  Source& source_;
  EventQueue queue_;
  std::uint64_t drifts_ = 0;  // reported so far
  bool logged_ = false;       // the last send failed, and that was logged
};

}  // namespace kpol::controller
