// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

#include <string>

namespace kpol::kube {

// A text is not JSON or YAML, or is not possible for a Kubernetes object: a duplicate key, an
// endless alias. what() begins with the line if it is known.
class SyntaxError : public base::Error {
 public:
  explicit SyntaxError(const std::string& what) : Error(what) {}
  SyntaxError(std::size_t line, const std::string& what)
      : Error("line " + std::to_string(line) + ": " + what) {}
};

}  // namespace kpol::kube
