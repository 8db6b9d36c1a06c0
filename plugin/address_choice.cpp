// SPDX-License-Identifier: Apache-2.0
#include "plugin/address_choice.hpp"

#include "conf/cni_error.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>

namespace kpol::plugin {
namespace {

using base::IpAddress;
using conf::IpRange;
using conf::IpRangeSet;

[[noreturn]] void refuse(const std::string& problem, const std::string& advice) {
  throw conf::CniFailure(conf::CniCode::AddressUnavailable, problem, advice);
}

bool holds(const IpRangeSet& set, const IpAddress& address) {
  return std::any_of(set.begin(), set.end(),
                     [&](const IpRange& range) { return range.holds(address); });
}

// Returns the first free address in from..until that does not rest. Visits at most (number of taken
// and resting addresses) + 2 addresses, because each one visited before the last is either of these
// or the gateway.
std::optional<IpAddress> firstFree(const AddressChoice& choice, const IpRange& range,
                                   IpAddress from, const IpAddress& until) {
  while (from <= until) {
    if (range.holds(from) && !choice.taken.contains(from) && !choice.resting.contains(from))
      return from;
    const auto next = from.next();
    if (!next) break;
    from = *next;
  }
  return std::nullopt;
}

std::optional<IpAddress> nextFree(const AddressChoice& choice, const IpRangeSet& set,
                                  const std::optional<IpAddress>& last) {
  const auto start = std::find_if(set.begin(), set.end(), [&](const IpRange& range) {
    return last && range.first <= *last && *last <= range.last;
  });
  if (start != set.end() && *last < start->last)
    if (const auto found = firstFree(choice, *start, *last->next(), start->last)) return found;

  const auto count = set.size();
  const auto first = start == set.end() ? count - 1 : static_cast<std::size_t>(start - set.begin());
  for (std::size_t step = 1; step <= count; ++step) {
    const auto& range = set[(first + step) % count];
    if (const auto found = firstFree(choice, range, range.first, range.last)) return found;
  }
  return std::nullopt;
}

// The address of the set that has rested longest.
std::optional<IpAddress> mostRested(const AddressChoice& choice, const IpRangeSet& set) {
  const std::pair<const IpAddress, std::int64_t>* best = nullptr;
  for (const auto& one : choice.resting)
    if (holds(set, one.first) && !choice.taken.contains(one.first) &&
        (best == nullptr || one.second < best->second))
      best = &one;
  return best == nullptr ? std::nullopt : std::optional(best->first);
}

// Example: "10.244.1.0/24 253 of 253, 10.245.0.0/30 1 of 2".
std::string usageOf(const AddressChoice& choice, const IpRangeSet& set) {
  std::string text;
  for (const auto& range : set) {
    const auto used = std::count_if(choice.taken.begin(), choice.taken.end(),
                                    [&](const IpAddress& address) { return range.holds(address); });
    const auto size = sizeOf(range);
    text +=
        (text.empty() ? "" : ", ") + toString(range.subnet) + ' ' + std::to_string(used) + " of " +
        (size == std::numeric_limits<std::uint64_t>::max() ? "very many" : std::to_string(size));
  }
  return text;
}

[[noreturn]] void refuseUsedUp(const AddressChoice& choice, const IpRangeSet& set) {
  refuse("no address is free: " + usageOf(choice, set) + " in use",
         "run fewer pods on this node or add a range; `kpolctl show ips` shows which pods have "
         "them");
}

std::optional<IpAddress> requestedOf(const AddressChoice& choice, const IpRangeSet& set) {
  std::optional<IpAddress> result;
  for (const auto& address : choice.requested) {
    if (!holds(set, address)) continue;
    if (result)
      refuse("two addresses are requested from " + toString(set),
             "request at most one from each range set");
    if (choice.taken.contains(address))
      refuse("the requested address " + toString(address) + " is in use", "request another one");
    result = address;
  }
  return result;
}

}  // namespace

std::vector<IpAddress> chooseAddresses(const AddressChoice& choice) {
  for (const auto& address : choice.requested)
    if (std::none_of(choice.ranges.begin(), choice.ranges.end(),
                     [&](const IpRangeSet& set) { return holds(set, address); }))
      refuse("the requested address " + toString(address) + " is in none of ipam.ranges",
             "request an address in ipam.ranges");

  std::vector<IpAddress> chosen;
  for (std::size_t i = 0; i < choice.ranges.size(); ++i) {
    const auto& set = choice.ranges[i];
    auto address = requestedOf(choice, set);
    if (!address) {
      std::optional<IpAddress> last;
      if (i < choice.lastGiven.size()) last = choice.lastGiven[i];
      address = nextFree(choice, set, last);
      if (!address) address = mostRested(choice, set);
    }
    if (!address) refuseUsedUp(choice, set);
    chosen.push_back(*address);
  }
  return chosen;
}

}  // namespace kpol::plugin
