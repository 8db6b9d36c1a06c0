// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

// Values of data types as nft prints them. Private to the pure side of this room.
namespace kpol::nft {

// `parts` with `separator` between them.
std::string join(const std::vector<std::string>& parts, std::string_view separator);

// "ipv4_addr . inet_service".
std::string typesText(std::span<const DataType> types);

// "tcp . 80". In a rule or set, where symbols are printed.
std::string keyText(const Key& key, std::span<const DataType> types);

// "10.0.0.1-10.0.0.9", "133-137": both ends, as numbers where there are symbols.
std::string rangeText(const Key& first, const Key& last, DataType type);

// The value or range of an element: ranges of addresses that are prefixes are printed so.
std::string elementKeyText(const Element& element, std::span<const DataType> types);

// "10.0.0.0/8", "\"kpol*\"".
std::string wildcardText(const Wildcard& wildcard, DataType type);

}  // namespace kpol::nft
