// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "conf/ip_ranges.hpp"
#include "ipam/lease.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

// The journal of leases as text. No I/O.
//
//   kpol-leases 2 BOOT-ID
//   give CONTAINER IFNAME NETWORK NS/NAME TIME ADDRESS,…
//   free CONTAINER IFNAME
//   leave CONTAINER IFNAME LINK-INDEX        the pod ended; its addresses are a Departure now
//   gone ADDRESS,…                           of a Departure: they may be given again
//   last NETWORK ADDRESS,…                   what `give` lines that were left out would have told
//   ranges NETWORK SUBNET=FIRST-LAST[!GATEWAY],…;…     from then on; sets are divided by ';'
namespace kpol::ipam {

// What a journal says in the end.
struct LeaseBook {
  std::map<conf::AttachmentId, Lease> leases;
  std::vector<Departure> departures;                              // the oldest first
  std::map<std::string, std::vector<base::IpAddress>> lastGiven;  // by network
  std::map<std::string, std::vector<conf::IpRangeSet>> ranges;    // by network
  bool operator==(const LeaseBook&) const = default;
};

// The journal holds something kpol did not write.
class JournalError : public base::Error {
 public:
  using Error::Error;
};

std::string journalHeader(std::string_view bootId);

// The whole text of a file of leases, read.
struct Journal {
  LeaseBook book;
  std::size_t complete = 0;  // bytes up to the end of the last line that has one
  std::size_t lines = 0;     // of changes, without the header
  bool isOfBoot = false;     // else all of it is void, whatever it says, and `book` is empty
  bool isCurrent = false;    // the format that is written now
};
// A last line without its end is not there. A text of another boot may be anything that a power
// failure leaves of a journal. Throws JournalError.
Journal readJournal(std::string_view text, std::string_view bootId);

std::string giveLine(const Lease& lease);
std::string freeLine(const conf::AttachmentId& id);
std::string leaveLine(const conf::AttachmentId& id, base::IfIndex link);
std::string goneLine(const Departure& departure);
std::string rangesLine(const std::string& network, const std::vector<conf::IpRangeSet>& ranges);

// The shortest journal that says `book`, without the header; `lines` grows by its lines.
std::string printBook(const LeaseBook& book, std::size_t& lines);

}  // namespace kpol::ipam
