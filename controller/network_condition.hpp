// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "controller/node_state.hpp"
#include "controller/source.hpp"

#include <string>

namespace kpol::controller {

// Sets the condition NetworkUnavailable of this node to False once kpold has made its network. Some
// clouds (the route controller of Google Compute Engine) set it to True for every node that they
// make no routes for, and the node then has a taint, so that no pod is scheduled there.
class NetworkCondition {
 public:
  // Both must outlive this object.
  NetworkCondition(const NodeState& state, Source& source) : state_(state), source_(source) {}

  // Runs until cancelled. Acts as often as the taint appears.
  base::Task<> run();

 private:
  [[nodiscard]] bool isDue() const;
  base::Task<> clear();

  const NodeState& state_;
  Source& source_;
  std::string failure_;  // of the last attempt, logged
};

}  // namespace kpol::controller
