// SPDX-License-Identifier: Apache-2.0
#include "node/cni_config.hpp"

#include "ipam/lease_store.hpp"
#include "node/atomic_file.hpp"

#include <sys/types.h>

#include <algorithm>

namespace kpol::node {
namespace {

constexpr mode_t kReadableByAll = 0644;

bool covers(const std::vector<base::Prefix>& ranges, const base::IpAddress& address) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const base::Prefix& range) { return range.contains(address); });
}

// Returns text about the pods with an address outside of the wanted ranges: the first one, and how
// many more. Empty if there are none.
std::string strandedPods(const conf::Conflist& wanted) {
  std::string first;
  std::size_t pods = 0;
  for (const auto& [id, lease] : ipam::readLeases(wanted.stateDir).leases) {
    if (lease.network != conf::Conflist::kNetwork) continue;
    const auto outside =
        std::find_if_not(lease.addresses.begin(), lease.addresses.end(),
                         [&](const auto& address) { return covers(wanted.ranges, address); });
    if (outside == lease.addresses.end()) continue;
    if (pods++ == 0) first = toString(*outside) + " (" + toString(lease.pod) + ")";
  }
  if (pods <= 1) return first;
  return first + " and " + std::to_string(pods - 1) + " more";
}

std::string rangesText(const std::vector<base::Prefix>& ranges) {
  std::string text;
  for (const auto& range : ranges) text += (text.empty() ? "" : ", ") + toString(range);
  return text;
}

}  // namespace

std::optional<std::string> configBefore(const std::filesystem::path& directory) {
  std::optional<std::string> first;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    const auto extension = entry.path().extension();
    const auto name = entry.path().filename().string();
    if (extension != ".conf" && extension != ".conflist" && extension != ".json") continue;
    if (entry.is_directory(ignored) || name >= first.value_or(kConflistName)) continue;
    first = name;
  }
  return first;
}

ConflistOutcome keepConflist(const std::filesystem::path& directory, const conf::Conflist& wanted) {
  const auto text = print(wanted);
  const auto path = directory / kConflistName;
  if (readFile(path) == text) return ConflistHolds{};
  if (const auto pods = strandedPods(wanted); !pods.empty())
    return ConflistKept{"the node's pod CIDRs are now " + rangesText(wanted.ranges) +
                        ", but pods have other addresses: " + pods +
                        "; drain the node, then kpold writes the new ranges"};
  writeFile(path, text, kReadableByAll);
  return ConflistHolds{true};
}

}  // namespace kpol::node
