// SPDX-License-Identifier: Apache-2.0
#include "nft/print_data.hpp"

#include "base/error.hpp"
#include "nft/names.hpp"
#include "nft/shape.hpp"

#include <bit>
#include <cstring>

namespace kpol::nft {

namespace {

using DataBytes = std::span<const std::uint8_t>;

DataBytes bytesOf(const Key& key, const KeyPart& part) {
  return key.bytes().subspan(part.offset, part.length);
}

std::uint32_t hostOrder(DataBytes bytes) {
  std::uint32_t value = 0;
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

std::string addressText(DataBytes bytes) {
  const auto address = base::IpAddress::fromBytes(bytes);
  base::expects(address.has_value(), "a key part of an address type has the length of an address");
  return toString(*address);
}

std::string ifNameText(DataBytes bytes) {
  const auto* text = reinterpret_cast<const char*>(bytes.data());
  return std::string(text, strnlen(text, bytes.size()));
}

std::string quoted(const std::string& text) {
  return '"' + text + '"';
}

// A label is a bit array. If exactly one bit is set, nft prints its number. The array consists of
// unsigned longs in host order, which on little-endian machines equals an array of bytes.
std::string labelText(DataBytes bytes) {
  std::string set;
  int bits = 0;
  std::string hex = "0x";
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bits += std::popcount(bytes[i]);
    if (bytes[i] != 0)
      set = std::to_string(8 * i + static_cast<unsigned>(std::countr_zero(bytes[i])));
    hex += hexText(bytes[bytes.size() - 1 - i], 2).substr(2);
  }
  return bits == 1 ? set : hex;
}

std::string numberText(DataBytes bytes) {
  unsigned value = 0;
  for (const std::uint8_t byte : bytes) value = value << 8U | byte;
  return std::to_string(value);
}

std::string symbolText(std::optional<std::string_view> name, DataBytes bytes) {
  return name ? std::string(*name) : numberText(bytes);
}

std::string valueText(DataType type, DataBytes bytes) {
  switch (type) {
    case DataType::Ipv4Addr:
    case DataType::Ipv6Addr: return addressText(bytes);
    case DataType::InetProto: return symbolText(protocolName(bytes[0]), bytes);
    case DataType::InetService: return numberText(bytes);
    case DataType::IfName: return quoted(ifNameText(bytes));
    case DataType::NfProto: return symbolText(familyName(bytes[0]), bytes);
    case DataType::CtState: return ctStateText(hostOrder(bytes), " | ");
    case DataType::CtLabel: return labelText(bytes);
    case DataType::Icmpv6Type: return symbolText(icmpv6TypeName(bytes[0]), bytes);
    case DataType::Mark: return hexText(hostOrder(bytes), 8);
    case DataType::CtStatus: return ctStatusText(hostOrder(bytes), " | ");
    case DataType::FibAddrType: return fibTypeText(hostOrder(bytes));
  }
  return {};
}

bool isSymbolic(DataType type) {
  return type == DataType::InetProto || type == DataType::Icmpv6Type || type == DataType::NfProto;
}

bool isAddress(DataType type) {
  return type == DataType::Ipv4Addr || type == DataType::Ipv6Addr;
}

std::string rangeText(DataType type, DataBytes first, DataBytes last) {
  const auto end = [&](DataBytes bytes) {
    return isSymbolic(type) ? numberText(bytes) : valueText(type, bytes);
  };
  return end(first) + '-' + end(last);
}

// The length of the prefix that equals first..last; nullopt if there is none.
std::optional<unsigned> prefixLength(DataBytes first, DataBytes last) {
  unsigned length = 0;
  std::size_t i = 0;
  while (i < first.size() && first[i] == last[i]) ++i;
  length = static_cast<unsigned>(8 * i);
  if (i == first.size()) return length;
  const auto differing = static_cast<std::uint8_t>(first[i] ^ last[i]);
  const unsigned hostBits = 8U - static_cast<unsigned>(std::countl_zero(differing));
  if (differing != (1U << hostBits) - 1 || (first[i] & differing) != 0) return {};
  for (std::size_t rest = i + 1; rest < first.size(); ++rest) {
    if (first[rest] != 0 || last[rest] != 0xFF) return {};
  }
  return length + 8 - hostBits;
}

std::string partText(const Element& element, const KeyPart& part) {
  const DataBytes first = bytesOf(element.first, part);
  const DataBytes last = bytesOf(element.last, part);
  if (std::equal(first.begin(), first.end(), last.begin())) return valueText(part.type, first);
  if (isAddress(part.type)) {
    if (const auto length = prefixLength(first, last))
      return addressText(first) + '/' + std::to_string(*length);
  }
  return rangeText(part.type, first, last);
}

template <class Items, class Text>
std::string joined(const Items& items, std::string_view separator, Text text) {
  std::string all;
  for (const auto& item : items) {
    if (&item != &*std::begin(items)) all += separator;
    all += text(item);
  }
  return all;
}

constexpr std::string_view kConcatenated = " . ";

}  // namespace

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  return joined(parts, separator, [](const std::string& part) { return part; });
}

std::string typesText(std::span<const DataType> types) {
  return joined(types, kConcatenated, typeName);
}

std::string keyText(const Key& key, std::span<const DataType> types) {
  return joined(partsOf(types), kConcatenated,
                [&](const KeyPart& part) { return valueText(part.type, bytesOf(key, part)); });
}

std::string rangeText(const Key& first, const Key& last, DataType type) {
  return rangeText(type, first.bytes(), last.bytes());
}

std::string elementKeyText(const Element& element, std::span<const DataType> types) {
  return joined(partsOf(types), kConcatenated,
                [&](const KeyPart& part) { return partText(element, part); });
}

std::string wildcardText(const Wildcard& wildcard, DataType type) {
  if (type == DataType::IfName)
    return quoted(ifNameText(wildcard.value.bytes().first(wildcard.bits / 8U)) + '*');
  return valueText(type, wildcard.value.bytes()) + '/' + std::to_string(wildcard.bits);
}

}  // namespace kpol::nft
