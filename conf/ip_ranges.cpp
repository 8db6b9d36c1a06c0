// SPDX-License-Identifier: Apache-2.0
#include "conf/ip_ranges.hpp"

#include "conf/ip_ranges_json.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace kpol::conf {
namespace {

base::Prefix subnetAt(const Json& json, const std::string& path) {
  const auto subnet = base::Prefix::parse(stringAt(json, path));
  if (!subnet) refuse(path, "a subnet without host bits, such as \"10.244.1.0/24\"", json);
  if (subnet->length() + 2 > subnet->address().bits())
    throw ConfigError(path,
                      "is too small: the prefix length must be at most 30, for IPv6 at most 126");
  return *subnet;
}

// Returns the range of a subnet without the network address (IPv6: the subnet-router anycast
// address, RFC 4291, section 2.6.1) and, for IPv4, the broadcast address.
IpRange wholeOf(const base::Prefix& subnet) {
  const auto first = subnet.first().next();
  const auto last = subnet.address().isV4() ? subnet.last().previous() : subnet.last();
  base::expects(first && last, "a subnet has at least four addresses");
  return {subnet, *first, *last, std::nullopt};
}

base::IpAddress withinSubnet(const JsonObject& object, std::string_view key, const IpRange& range,
                             const base::IpAddress& otherwise) {
  const auto address = object.address(key).value_or(otherwise);
  if (!range.holds(address))
    throw ConfigError(object.pathOf(key), toString(address) + " is not a host address of subnet " +
                                              base::toString(range.subnet));
  return address;
}

IpRange rangeAt(const Json& json, const std::string& path) {
  if (json.is_string()) return wholeOf(subnetAt(json, path));
  if (!json.is_object()) refuse(path, "a subnet or an object", json);
  const JsonObject object(json, path);
  const Json* subnet = object.find("subnet");
  if (subnet == nullptr) throw ConfigError(object.pathOf("subnet"), "must be given");

  const IpRange whole = wholeOf(subnetAt(*subnet, object.pathOf("subnet")));
  IpRange range = whole;
  range.first = withinSubnet(object, "rangeStart", whole, whole.first);
  range.last = withinSubnet(object, "rangeEnd", whole, whole.last);
  if (range.last < range.first)
    throw ConfigError(object.pathOf("rangeEnd"), "must not be below rangeStart");
  range.gateway = object.address("gateway");
  if (range.gateway && !range.subnet.contains(*range.gateway))
    throw ConfigError(object.pathOf("gateway"), "must be in subnet " + toString(range.subnet));
  return range;
}

IpRangeSet setAt(const Json& json, const std::string& path) {
  IpRangeSet set;
  JsonObject::forEach(json, path, [&](const Json& element, const std::string& elementPath) {
    set.push_back(rangeAt(element, elementPath));
    if (set.back().subnet.family() != set.front().subnet.family())
      throw ConfigError(elementPath, "must be of the same address family as the set's first range");
  });
  if (set.empty()) throw ConfigError(path, "must contain a range");
  return set;
}

void refuseOverlap(const std::vector<IpRangeSet>& sets) {
  std::vector<const IpRange*> seen;
  for (std::size_t i = 0; i < sets.size(); ++i) {
    for (const auto& range : sets[i]) {
      for (const auto* other : seen)
        if (range.first <= other->last && other->first <= range.last)
          throw ConfigError("ipam.ranges[" + std::to_string(i) + "]",
                            toString(range.subnet) + " overlaps " + toString(other->subnet));
      seen.push_back(&range);
    }
  }
}

constexpr auto kVeryMany = std::numeric_limits<std::uint64_t>::max();

std::uint64_t lowHalf(const base::IpAddress& address) {
  std::uint64_t value = 0;
  const auto bytes = address.bytes();
  for (std::size_t i = bytes.size() == 16 ? 8 : 0; i < bytes.size(); ++i)
    value = value << 8 | bytes[i];
  return value;
}

}  // namespace

std::uint64_t sizeOf(const IpRange& range) {
  const auto first = range.first.bytes();
  const auto last = range.last.bytes();
  if (first.size() == 16 && !std::equal(first.begin(), first.begin() + 8, last.begin()))
    return kVeryMany;
  const auto span = lowHalf(range.last) - lowHalf(range.first);
  const bool withGateway =
      range.gateway && range.first <= *range.gateway && *range.gateway <= range.last;
  if (span == kVeryMany) return kVeryMany;
  return span + (withGateway ? 0 : 1);
}

std::string toString(const IpRangeSet& set) {
  std::string text;
  for (const auto& range : set) {
    if (!text.empty()) text += ", ";
    text += toString(range.subnet);
  }
  return text;
}

std::vector<IpRangeSet> readRanges(const JsonObject& ipam) {
  std::vector<IpRangeSet> sets;
  ipam.each("ranges", [&](const Json& element, const std::string& path) {
    sets.push_back(setAt(element, path));
  });
  if (sets.empty())
    throw ConfigError(ipam.pathOf("ranges"),
                      "must contain a range set, such as [[\"10.244.1.0/24\"]]");
  refuseOverlap(sets);
  return sets;
}

}  // namespace kpol::conf
