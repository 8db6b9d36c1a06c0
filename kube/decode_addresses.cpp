// SPDX-License-Identifier: Apache-2.0
#include "kube/decode_addresses.hpp"

#include <algorithm>

namespace kpol::kube {
namespace {

// ::ffff:0:0/96. Go's net package treats such text as IPv4 in some places and as IPv6 in others;
// newer API servers reject it (apimachinery pkg/util/validation IsValidCIDR).
bool isIpv4Mapped(const base::Prefix& prefix) {
  static const base::Prefix kMapped = *base::Prefix::parse("::ffff:0:0/96");
  return kMapped.contains(prefix);
}

}  // namespace

std::optional<base::IpAddress> decodeIp(const Field& field) {
  const auto text = field.text();
  if (!text || text->empty()) return std::nullopt;
  auto address = base::IpAddress::parse(*text);
  if (!address) field.fail("must be an IP address, found " + field.found());
  return address;
}

std::optional<base::Prefix> decodeCidr(const Field& field) {
  const auto text = field.text();
  if (!text || text->empty()) return std::nullopt;
  auto prefix = base::Prefix::parseSloppy(*text);
  if (!prefix) {
    field.fail("must be a CIDR such as 10.0.0.0/8 or fd00::/8, found " + field.found());
  } else if (isIpv4Mapped(*prefix)) {
    field.fail("must not be an IPv4-mapped IPv6 CIDR, found " + field.found());
    return std::nullopt;
  }
  return prefix;
}

std::vector<base::IpAddress> canonical(std::vector<base::IpAddress> addresses) {
  std::ranges::sort(addresses);
  const auto duplicates = std::ranges::unique(addresses);
  addresses.erase(duplicates.begin(), duplicates.end());
  return addresses;
}

}  // namespace kpol::kube
