// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/tree_builder.hpp"

#include <string_view>

namespace kpol::kube {

// A JSON text that may hold several values one after the other, as kubectl takes it. Members that
// no decoder looks at and that are large in real clusters (managedFields, volumes, ...) are left
// out of the trees.
class JsonText {
 public:
  explicit JsonText(std::string_view text, std::size_t firstLine = 1)
      : text_(text), at_(text.data()), firstLine_(firstLine) {}

  // Skips blanks; true when no value is left.
  [[nodiscard]] bool atEnd();
  // The next value. Throws SyntaxError.
  Json next();

 private:
  [[nodiscard]] std::size_t line() const;

  std::string_view text_;
  const char* at_;  // what is not read yet
  std::size_t firstLine_;
};

}  // namespace kpol::kube
