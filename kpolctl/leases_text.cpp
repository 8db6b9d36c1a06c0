// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/table.hpp"
#include "kpolctl/texts.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <limits>

namespace kpol::kpolctl {
namespace {

// Larger numbers (more than 32 bits) are of no use to an operator.
std::string countText(const Json& range, const char* field) {
  const auto count = range.at(field).get<std::uint64_t>();
  return count > std::numeric_limits<std::uint32_t>::max() ? "very many" : std::to_string(count);
}

std::string rangeText(const Json& range) {
  auto text = textOf(range, "subnet") + " " + textOf(range, "first") + "-" + textOf(range, "last");
  if (!range.at("gateway").is_null()) text += " without " + textOf(range, "gateway");
  return text;
}

// A time difference in seconds as "90s", "15m", "3h" or "2d".
std::string agoText(std::int64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 120 * 60) return std::to_string(seconds / 60) + "m";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

}  // namespace

std::string leasesText(const Json& ips, std::int64_t now) {
  Table ranges({"NETWORK", "RANGE", "USED", "FREE"});
  for (const auto& range : ips.at("ranges"))
    ranges.add({textOf(range, "network"), rangeText(range), countText(range, "used"),
                countText(range, "free")});
  Table leases(
      {"ADDRESS", "NETWORK", "NAMESPACE", "NAME", "CONTAINER", "INTERFACE", "AGE", "STATE"});
  for (const auto& lease : ips.at("leases"))
    leases.add({textOf(lease, "address"), textOf(lease, "network"), textOf(lease, "namespace"),
                textOf(lease, "name"), textOf(lease, "containerID").substr(0, 13),
                textOf(lease, "ifName"), agoText(now - lease.at("since").get<std::int64_t>()),
                textOf(lease, "state")});
  return ranges.print("No ranges: kpol's own IPAM has assigned no address since the boot.") + "\n" +
         leases.print("No addresses are in use.");
}

}  // namespace kpol::kpolctl
