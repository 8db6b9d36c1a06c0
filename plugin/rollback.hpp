// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace kpol::plugin {

// What was done and how to undo it. Destroyed without dismiss(), it undoes everything in reverse;
// a step that cannot be undone is told on standard error and the rest is undone all the same
// (DEL, which the runtime calls after a failed ADD, tries again).
class Rollback {
 public:
  Rollback() = default;
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  ~Rollback();

  // Registered before what it undoes is begun, where that may be half done when it fails.
  void add(std::string what, std::function<void()> undo);
  void dismiss() noexcept { steps_.clear(); }

 private:
  struct Step {
    std::string what;
    std::function<void()> undo;
  };
  std::vector<Step> steps_;
};

}  // namespace kpol::plugin
