// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "ipam/journal.hpp"

#include <chrono>
#include <string>
#include <vector>

namespace kpol::ipam {

// The lock was not had in time.
class StoreBusy : public base::Error {
 public:
  using Error::Error;
};

// The leases of a node, of all networks: two networks must not hand out one address, because the
// node has one route to it.
//
// File <state-dir>/ipam/leases: a journal (ipam/journal.hpp), one line appended by one write(2) per
// change, so a process killed at any point leaves a change done or not begun; a last line without
// its newline (a full disk, a kill within the write) was never answered for and is cut off. Written
// anew, as another file and renamed, when most of it is history.
//
// What is synced, and why: nothing that a change appends. Its first line names the boot of the
// machine, and leases of another boot are void, since no pod outlives it; so what a power failure
// takes from the file, or tears in it, was void already. Only the file written anew is synced,
// before it gets its name: else the name could be on disk and the first line not, and what then
// stands there could not be told from a foreign file. The directory is not synced: losing the name
// brings back the older file, of an earlier boot or of this one.
//
// Lock: <state-dir>/ipam/lock by flock(2), held as long as the value lives and released by the
// kernel if the process dies.
// Errors: base::SystemError; StoreBusy; JournalError when the file cannot be understood (nothing is
// handed out then).
class LeaseStore {
 public:
  // Makes the directories where they are absent and takes the lock.
  static LeaseStore open(const std::string& stateDir,
                         std::chrono::milliseconds patience = std::chrono::seconds(10));

  [[nodiscard]] const std::map<conf::AttachmentId, Lease>& leases() const& { return book_.leases; }
  [[nodiscard]] std::map<conf::AttachmentId, Lease> leases() && { return std::move(book_.leases); }
  [[nodiscard]] const std::vector<Departure>& departures() const& { return book_.departures; }
  [[nodiscard]] std::vector<Departure> departures() && { return std::move(book_.departures); }
  // The addresses of the last lease given to the network, whether still held or not.
  [[nodiscard]] std::vector<base::IpAddress> lastGiven(const std::string& network) const;

  // Recorded when it returns. The id must have no lease yet.
  void add(const Lease& lease);
  // False: there was none.
  bool remove(const conf::AttachmentId& id);
  // The pod has ended and the host's end of its link is `link` (0: there is none any more): its
  // lease becomes a Departure. False: there was none.
  bool depart(const conf::AttachmentId& id, base::IfIndex link);
  // The addresses may be given again. Nothing to do where that is no departure (any more).
  void settle(const Departure& departure);
  // What the network hands out, for those who ask; written only when it is another than before.
  void noteRanges(const std::string& network, const std::vector<conf::IpRangeSet>& ranges);

 private:
  LeaseStore() = default;
  void load();
  void append(const std::string& line);
  void makeRoom();
  void rewrite();

  std::string directory_;
  std::string bootId_;
  base::UniqueFd lock_;
  base::UniqueFd journal_;
  std::size_t journalSize_ = 0;
  std::size_t lines_ = 0;
  LeaseBook book_;
};

// What the store holds, without taking the lock, so that nobody who allocates waits for the reader:
// the state between two changes. Empty where there is none. Errors as above; the lock is taken, for
// a second at most, only where the file was read while a torn line was being cut off it.
LeaseBook readLeases(const std::string& stateDir);

}  // namespace kpol::ipam
