// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "ipam/journal.hpp"

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace kpol::ipam {

// The lock could not be acquired in time.
class StoreBusy : public base::Error {
 public:
  using Error::Error;
};

// The leases of a node, for all networks together: two networks must not assign the same address,
// because the node has only one route to it.
//
// File <state-dir>/ipam/leases: a journal (ipam/journal.hpp). Each change appends one line with one
// write(2), so a process killed at any point leaves the change either done or not begun. A last
// line without a newline (disk full, killed within the write) is truncated: its change was never
// reported as done. When most of the file is history, it is rewritten to another file, which is
// renamed.
//
// A full disk (ENOSPC, EDQUOT) must not stop the release of addresses, or the eviction of pods
// would free no disk. So remove(), depart() and settle() then overwrite one or two bytes of the
// line that recorded the lease or the release, which needs no space (ipam/journal.hpp). The link of
// such a release is not recorded (0).
//
// Appends are not fsynced: the first line contains the boot ID, and leases of an earlier boot are
// ignored, because no pod survives a reboot; only their addresses rest. So a power failure can only
// lose or damage leases that are then ignored anyway. A rewritten file is fsynced before it is
// renamed: otherwise the name could be on disk without the first line, and the content would look
// like a foreign file. The directory is not fsynced: if the rename is lost, the older file remains,
// which is then also of an earlier boot.
//
// Lock: <state-dir>/ipam/lock by flock(2), held until destruction. The kernel releases it if the
// process dies.
// Throws base::SystemError; StoreBusy; JournalError if the file is not valid (then no address is
// assigned).
class LeaseStore {
 public:
  // Creates missing directories and acquires the lock. Writes nothing else: a journal of an earlier
  // boot is replaced by the first change.
  static LeaseStore open(const std::string& stateDir,
                         std::chrono::milliseconds patience = std::chrono::seconds(10));

  [[nodiscard]] const std::map<conf::AttachmentId, Lease>& leases() const& { return book_.leases; }
  [[nodiscard]] std::map<conf::AttachmentId, Lease> leases() && { return std::move(book_.leases); }
  [[nodiscard]] const std::vector<Departure>& departures() const& { return book_.departures; }
  [[nodiscard]] std::vector<Departure> departures() && { return std::move(book_.departures); }
  // The addresses of the newest lease of the network, even if it was released. May be empty.
  [[nodiscard]] std::vector<base::IpAddress> lastGiven(const std::string& network) const;

  // The addresses that were freed within the last kRestSeconds, and when. They should be assigned
  // only if no other address is free. May contain addresses that are assigned again.
  [[nodiscard]] std::map<base::IpAddress, std::int64_t> resting() const;

  // On return the lease is recorded. The id must not have a lease yet.
  void add(const Lease& lease);
  // Returns false if there is no lease.
  bool remove(const conf::AttachmentId& id);
  // The pod has ended: its lease becomes a Departure. `link` is its host interface (0: already
  // gone). Returns false if there is no lease.
  bool depart(const conf::AttachmentId& id, base::IfIndex link);
  // Completes a pending release: its addresses are free. Does nothing if it is not pending.
  void settle(const Departure& departure);
  // Records the ranges of the network, for status output. Written only if they differ.
  void noteRanges(const std::string& network, const std::vector<conf::IpRangeSet>& ranges);

 private:
  LeaseStore() = default;
  void load();
  void append(const std::string& line);
  void record(const std::string& line, const std::string& known, std::string_view mark);
  bool overwrite(const std::string& known, std::string_view mark);
  void recordGone(const Departure& departure, const std::string& resting);
  void makeRoom();
  void rewrite();
  void rest(const std::vector<base::IpAddress>& addresses, std::int64_t time);
  void forgetRested();

  std::string directory_;
  std::string bootId_;
  base::UniqueFd lock_;
  base::UniqueFd journal_;
  std::size_t journalSize_ = 0;
  std::size_t lines_ = 0;
  bool isCurrent_ = false;  // the file exists, and is of this boot and in the current format
  LeaseBook book_;
};

// Reads the store without the lock, so that ADD and DEL never wait for a reader. Returns the state
// between two changes, or an empty book if there is no file. If the file is invalid in three reads
// (for example because an incomplete line is being truncated), reads it again with the lock, for
// which it waits at most one second. Throws as LeaseStore does.
LeaseBook readLeases(const std::string& stateDir);

}  // namespace kpol::ipam
