// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/prefix.hpp"

#include <string_view>

// Addresses and prefixes from literals. An invalid one throws, which fails the test.
namespace kpol::test {

inline base::IpAddress ip(std::string_view text) {
  return base::IpAddress::parse(text).value();
}

inline base::Prefix prefix(std::string_view text) {
  return base::Prefix::parse(text).value();
}

}  // namespace kpol::test
