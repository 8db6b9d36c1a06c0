// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

#include <string>

namespace kpol::kube {

// Text that is no JSON or YAML, or says something that no Kubernetes object can: a key twice, an
// endless alias. what() begins with the line where that is known.
class SyntaxError : public base::Error {
 public:
  explicit SyntaxError(const std::string& what) : Error(what) {}
  SyntaxError(std::size_t line, const std::string& what)
      : Error("line " + std::to_string(line) + ": " + what) {}
};

}  // namespace kpol::kube
