// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

#include <string>

namespace kpol::netlink {

// The kernel rejected a request, its message was invalid, or the socket failed.
class Error : public base::Error {
 public:
  // op: the operation and its object, e.g. "add route 10.244.1.5/32 dev kpol0123456789a".
  Error(std::string op, int code, std::string extack = {});

  [[nodiscard]] const std::string& op() const noexcept { return op_; }
  [[nodiscard]] int code() const noexcept { return code_; }                     // errno, > 0
  [[nodiscard]] const std::string& extack() const noexcept { return extack_; }  // may be empty

 private:
  std::string op_;
  int code_;
  std::string extack_;
};

}  // namespace kpol::netlink
