// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace kpol::plugin {

// The steps that were done and how to undo them. Unless dismiss() was called, the destructor undoes
// all steps in reverse order. If one fails, it is reported on standard error and the others are
// still undone (DEL, which the runtime calls after a failed ADD, tries again).
class Rollback {
 public:
  Rollback() = default;
  Rollback(const Rollback&) = delete;
  Rollback& operator=(const Rollback&) = delete;
  ~Rollback();

  // If a step can fail half done, add its undo before the step starts.
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
