// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <source_location>
#include <stdexcept>
#include <string>

namespace kpol::base {

// The base class of kpol's exceptions. Each outer room derives one type from it and adds the fields
// that its callers act on. what() is a whole sentence: the operation, the object and the reason,
// and what to do next if an operator can do something about it.
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

// Aborts the process if `condition` is false. For bugs, never for invalid input. Also active in
// release builds.
void expects(bool condition, const char* what,
             std::source_location where = std::source_location::current());

}  // namespace kpol::base
