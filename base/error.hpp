// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace kpol::base {

// The root of every failure kpol throws. Each outer room derives one type from it that adds the
// fields its callers act on. what() is a whole sentence: what was tried, on which object, and why
// it failed; where an operator can do something about it, what to do next.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// A failed system call: "<what>: <strerror(code)>".
class SystemError : public Error {
 public:
  SystemError(const std::string& what, int code);
  [[nodiscard]] int code() const noexcept { return code_; }

 private:
  int code_;
};

// Ends the process when `condition` is false: a bug, never bad input. On in release builds too.
void expects(bool condition, const char* what,
             std::source_location where = std::source_location::current());

}  // namespace kpol::base
