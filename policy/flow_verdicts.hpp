// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy/engine.hpp"
#include "policy/evaluate.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <utility>

namespace kpol::policy {

// Evaluates established flows with the objects of an engine. The verdict is that of nodeAllows()
// for the whole snapshot, which is never built: each flow is evaluated in a small snapshot that has
// its two pods and the policies of one of them. In addition, a profile that the kernel rejects
// (Engine::deny) allows only flows of a pod to itself, and flows from a loopback address are the
// node's own and always allowed. Pure.
class FlowVerdicts {
 public:
  // `engine` must outlive this object.
  explicit FlowVerdicts(const Engine& engine) : engine_(engine) { refresh(); }

  // Call this when the engine may have changed: verdicts and policies are cached.
  void refresh();
  // `flow` is the tuple after destination NAT.
  bool allows(const Flow& flow);

 private:
  bool evaluateFlow(const Flow& flow);
  bool allowsSide(const Flow& flow, Direction direction);
  void forgetSides();
  Snapshot& sideOf(const base::ObjectKey& pod, Direction direction);

  const Engine& engine_;
  std::map<base::IpAddress, base::ObjectKey> endpoints_;
  std::array<std::map<base::ObjectKey, Snapshot>, 2> sides_;  // by direction, of local pods
  std::size_t policies_ = 0;                                  // in them
  std::map<Flow, bool> verdicts_;
};

}  // namespace kpol::policy
