// SPDX-License-Identifier: Apache-2.0
#include "plugin/rollback.hpp"

#include <cstdio>
#include <exception>

namespace kpol::plugin {

Rollback::~Rollback() {
  for (; !steps_.empty(); steps_.pop_back()) {
    try {
      steps_.back().undo();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "kpol: cannot undo: %s: %s\n", steps_.back().what.c_str(), error.what());
    }
  }
}

void Rollback::add(std::string what, std::function<void()> undo) {
  steps_.push_back({std::move(what), std::move(undo)});
}

}  // namespace kpol::plugin
