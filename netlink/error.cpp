// SPDX-License-Identifier: Apache-2.0
#include "netlink/error.hpp"

#include <cstring>
#include <utility>

namespace kpol::netlink {
namespace {

std::string sentence(const std::string& op, int code, const std::string& extack) {
  std::string text = op + ": " + std::strerror(code);
  if (!extack.empty()) text += " (" + extack + ")";
  return text;
}

}  // namespace

Error::Error(std::string op, int code, std::string extack)
    : base::Error(sentence(op, code, extack)),
      op_(std::move(op)),
      code_(code),
      extack_(std::move(extack)) {}

}  // namespace kpol::netlink
