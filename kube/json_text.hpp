// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "kube/tree_builder.hpp"

#include <string_view>

namespace kpol::kube {

// A JSON text of one or more values, as kubectl accepts it. The trees do not contain members that
// no decoder uses and that are large in real clusters (managedFields, volumes, ...).
class JsonText {
 public:
  explicit JsonText(std::string_view text, std::size_t firstLine = 1)
      : text_(text), at_(text.data()), firstLine_(firstLine) {}

  // Skips blanks. Returns true if no value is left.
  [[nodiscard]] bool atEnd();
  // Returns the next value. Throws SyntaxError.
  Json next();

 private:
  [[nodiscard]] std::size_t line() const;

  std::string_view text_;
  const char* at_;  // the rest that has not been read
  std::size_t firstLine_;
};

}  // namespace kpol::kube
