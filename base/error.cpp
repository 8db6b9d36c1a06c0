// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace kpol::base {

SystemError::SystemError(const std::string& what, int code)
    : Error(what + ": " + std::strerror(code)), code_(code) {}

void expects(bool condition, const char* what, std::source_location where) {
  if (condition) return;
  std::fprintf(stderr, "kpol: bug at %s:%u in %s: %s\n", where.file_name(), where.line(),
               where.function_name(), what);
  std::abort();
}

}  // namespace kpol::base
