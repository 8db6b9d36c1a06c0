// SPDX-License-Identifier: Apache-2.0
// A table of iptables-legacy. Two numbers of four bytes are the begin and the end of FORWARD.
#include "base/error.hpp"
#include "node/legacy_table.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <array>
#include <cstring>

KPOL_FUZZ_HARNESS(legacy_table) {
  std::array<std::uint32_t, 2> places{};
  if (size < sizeof places) return 0;
  std::memcpy(places.data(), data, sizeof places);
  const auto entries = std::span(data, size).subspan(sizeof places);
  for (const auto family : {kpol::base::Family::V4, kpol::base::Family::V6}) try {
      const kpol::node::LegacyTable table{entries, places[0], places[1]};
      const auto filter = parseLegacyTable(table, family);
      kpol::fuzz::require(filter.chains.contains(filter.chain), "FORWARD is among the chains");
    } catch (const kpol::base::SystemError&) {
      // rejected: a valid result
    }
  return 0;
}
