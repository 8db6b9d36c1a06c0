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
//   kpol-leases 3 BOOT-ID
//   give CONTAINER IFNAME NETWORK NS/NAME TIME ADDRESS,…
//   free CONTAINER IFNAME
//   leave CONTAINER IFNAME LINK-INDEX        the pod ended; its lease becomes a Departure
//   gone ADDRESS,…                           a Departure is complete; its addresses are free
//   rest ADDRESS,… TIME                      the addresses were freed at that time
//   last NETWORK ADDRESS,…                   the last addresses given, if their `give` is omitted
//   ranges NETWORK SUBNET=FIRST-LAST[!GATEWAY],…;…     the ranges from here on; ';' between sets
//
// A full disk takes no new line, but a byte of an old line can be overwritten:
//   Give …                                   was `give`: the pod ended, its link is not recorded
//   GIve …                                   was `give` or `Give`: the addresses are free
//   Leave …                                  was `leave`: complete, the addresses are free
namespace kpol::ipam {

// The state after the last line of a journal.
struct LeaseBook {
  std::map<conf::AttachmentId, Lease> leases;
  std::vector<Departure> departures;                              // oldest first
  std::map<std::string, std::vector<base::IpAddress>> lastGiven;  // by network
  std::map<std::string, std::vector<conf::IpRangeSet>> ranges;    // by network
  // When an address was freed last, in seconds since the epoch; 0: by a reboot. May contain
  // addresses that are assigned again.
  std::map<base::IpAddress, std::int64_t> freed;
  bool operator==(const LeaseBook&) const = default;
};

// The journal contains something that kpol did not write.
class JournalError : public base::Error {
 public:
  using Error::Error;
};

std::string journalHeader(std::string_view bootId);

// The content of a lease file.
struct Journal {
  LeaseBook book;
  std::size_t complete = 0;  // bytes up to and including the last newline
  std::size_t lines = 0;     // changes, without the header
  // False: written in another boot. Then `book` has no leases, pending releases and ranges, and all
  // addresses of the leases were freed by the reboot.
  bool isOfBoot = false;
  bool isCurrent = false;  // of this boot and in the current format
};
// Ignores a last line without a newline. A text of another boot may be whatever a power failure
// left of a journal. Throws JournalError if kpol did not write the text.
Journal readJournal(std::string_view text, std::string_view bootId);

// What overwrites the first bytes of a line. A prefix of kFreedGive is kLeftGive, so an overwrite
// that a kill cuts short leaves a pending release.
inline constexpr std::string_view kLeftGive = "G";
inline constexpr std::string_view kFreedGive = "GI";
inline constexpr std::string_view kGoneLeave = "L";

std::string giveLine(const Lease& lease);
std::string freeLine(const conf::AttachmentId& id);
std::string leaveLine(const conf::AttachmentId& id, base::IfIndex link);
std::string goneLine(const Departure& departure);
std::string restLine(const std::vector<base::IpAddress>& addresses, std::int64_t time);
std::string rangesLine(const std::string& network, const std::vector<conf::IpRangeSet>& ranges);

// Returns the shortest journal with the state `book`, without the header. Adds the number of its
// lines to `lines`.
std::string printBook(const LeaseBook& book, std::size_t& lines);

}  // namespace kpol::ipam
