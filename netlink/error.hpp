// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

#include <string>

namespace kpol::netlink {

// The kernel refused a request, or the socket failed.
class Error : public base::Error {
 public:
  // op: what was tried on which object, "add route 10.244.1.5/32 dev kpol0123456789a".
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
