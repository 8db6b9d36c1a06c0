// SPDX-License-Identifier: Apache-2.0
#include "policy/diagnostic.hpp"

namespace kpol::policy {

std::string toString(const Diagnostic& diagnostic) {
  std::string text;
  for (const std::string* part : {&diagnostic.object, &diagnostic.field}) {
    if (!part->empty()) text += *part + ": ";
  }
  return text + diagnostic.message;
}

}  // namespace kpol::policy
