// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "nft/ruleset.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

// Private to nft/: prints values of data types like nft. Pure.
namespace kpol::nft {

std::string join(const std::vector<std::string>& parts, std::string_view separator);

// "ipv4_addr . inet_service".
std::string typesText(std::span<const DataType> types);

// "tcp . 80". For rules and sets, where nft prints symbols.
std::string keyText(const Key& key, std::span<const DataType> types);

// "10.0.0.1-10.0.0.9", "133-137". Both ends are numbers, also for types with symbols.
std::string rangeText(const Key& first, const Key& last, DataType type);

// The value or range of an element. Address ranges that are prefixes are printed as prefixes.
std::string elementKeyText(const Element& element, std::span<const DataType> types);

// "10.0.0.0/8", "\"kpol*\"".
std::string wildcardText(const Wildcard& wildcard, DataType type);

}  // namespace kpol::nft
