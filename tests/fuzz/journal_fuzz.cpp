// SPDX-License-Identifier: Apache-2.0
// The journal of leases, of this boot or another.
#include "ipam/journal.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <string>

KPOL_FUZZ_HARNESS(journal) {
  constexpr std::string_view kBoot = "b";
  const auto text = kpol::fuzz::textOf(data, size);
  for (const auto& whole :
       {std::string(text), kpol::ipam::journalHeader(kBoot) + std::string(text)})
    try {
      const auto journal = kpol::ipam::readJournal(whole, kBoot);
      kpol::fuzz::require(journal.complete <= whole.size(), "no more is complete than there is");
      std::size_t lines = 0;
      const auto rewritten =
          kpol::ipam::journalHeader(kBoot) + kpol::ipam::printBook(journal.book, lines);
      const auto again = kpol::ipam::readJournal(rewritten, kBoot);
      kpol::fuzz::require(again.book == journal.book, "the rewritten journal is equivalent");
      kpol::fuzz::require(again.lines == lines, "lines are counted");
    } catch (const kpol::ipam::JournalError&) {
      // rejected: then no address is assigned
    }
  return 0;
}
