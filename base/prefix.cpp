// SPDX-License-Identifier: Apache-2.0
#include "base/prefix.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>

namespace kpol::base {
namespace {

struct Split {
  std::string_view address;
  unsigned length;
};

// Splits "ADDRESS/LENGTH". The length is an unsigned decimal number.
std::optional<Split> split(std::string_view text) {
  const auto slash = text.find('/');
  if (slash == text.npos) return std::nullopt;
  const auto digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, ec] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (ec != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  return Split{text.substr(0, slash), length};
}

// Removes leading zeros from every octet or group.
std::string withoutLeadingZeros(std::string_view text) {
  const auto isDigit = [](char c) { return std::isxdigit(static_cast<unsigned char>(c)) != 0; };
  std::string result;
  bool atStart = true;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (atStart && text[i] == '0' && i + 1 < text.size() && isDigit(text[i + 1])) continue;
    atStart = !isDigit(text[i]);
    result.push_back(text[i]);
  }
  return result;
}

// Sets all bits after the first `length` bits to one if `ones`, else to zero.
IpAddress fillHostBits(const IpAddress& address, unsigned length, bool ones) {
  std::array<std::uint8_t, 16> bytes{};
  const auto source = address.bytes();
  for (std::size_t i = 0; i < source.size(); ++i) {
    const unsigned keep = std::clamp(static_cast<int>(length) - static_cast<int>(i) * 8, 0, 8);
    const auto mask = static_cast<std::uint8_t>(0xFF00U >> keep);
    bytes[i] = static_cast<std::uint8_t>(ones ? source[i] | static_cast<std::uint8_t>(~mask)
                                              : source[i] & mask);
  }
  return *IpAddress::fromBytes(std::span(bytes).first(source.size()));
}

}  // namespace

std::optional<Prefix> Prefix::make(const IpAddress& address, unsigned length) {
  if (length > address.bits()) return std::nullopt;
  return Prefix(fillHostBits(address, length, false), length);
}

Prefix Prefix::host(const IpAddress& address) {
  return {address, address.bits()};
}

std::optional<Prefix> Prefix::parse(std::string_view text) {
  const auto parts = split(text);
  if (!parts || text.find("/0") < text.size() - 2) return std::nullopt;  // "/08"
  const auto address = IpAddress::parse(parts->address);
  if (!address) return std::nullopt;
  auto prefix = make(*address, parts->length);
  if (prefix && prefix->address() != *address) return std::nullopt;
  return prefix;
}

std::optional<Prefix> Prefix::parseSloppy(std::string_view text) {
  const auto parts = split(text);
  if (!parts) return std::nullopt;
  const auto address = IpAddress::parse(withoutLeadingZeros(parts->address));
  if (!address) return std::nullopt;
  return make(*address, parts->length);
}

IpAddress Prefix::last() const {
  return fillHostBits(address_, length_, true);
}

bool Prefix::contains(const IpAddress& address) const {
  return address.family() == family() && fillHostBits(address, length_, false) == address_;
}

bool Prefix::contains(const Prefix& other) const {
  return other.length_ >= length_ && contains(other.address_);
}

std::string toString(const Prefix& prefix) {
  return toString(prefix.address()) + "/" + std::to_string(prefix.length());
}

}  // namespace kpol::base
