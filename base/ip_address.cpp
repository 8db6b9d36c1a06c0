// SPDX-License-Identifier: Apache-2.0
#include "base/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>

namespace kpol::base {

std::optional<IpAddress> IpAddress::fromBytes(std::span<const std::uint8_t> bytes) {
  if (bytes.size() != 4 && bytes.size() != 16) return std::nullopt;
  IpAddress address;
  address.family_ = bytes.size() == 4 ? Family::V4 : Family::V6;
  std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  // inet_pton rejects leading zeros in IPv4, zones and surrounding blanks. It needs a
  // NUL-terminated string.
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != text.npos) return std::nullopt;
  const std::string terminated(text);
  std::array<std::uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1)
    return fromBytes(std::span(bytes).first(4));
  if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return fromBytes(bytes);
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::next() const {
  IpAddress result = *this;
  for (std::size_t i = bytes().size(); i-- > 0;)
    if (++result.bytes_[i] != 0) return result;
  return std::nullopt;
}

std::optional<IpAddress> IpAddress::previous() const {
  IpAddress result = *this;
  for (std::size_t i = bytes().size(); i-- > 0;)
    if (result.bytes_[i]-- != 0) return result;
  return std::nullopt;
}

std::string toString(const IpAddress& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(address.isV4() ? AF_INET : AF_INET6, address.bytes().data(), text.data(), text.size());
  return text.data();
}

}  // namespace kpol::base
