// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"
#include "base/ip_address.hpp"
#include "base/object_key.hpp"
#include "base/unique_fd.hpp"
#include "conf/attachment.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kpol::plugin {

// Addresses held by one interface of one pod.
struct Lease {
  conf::AttachmentId id;
  std::string network;                     // name of the network config
  base::ObjectKey pod;                     // parts may be empty
  std::int64_t time = 0;                   // of ADD, seconds since the epoch
  std::vector<base::IpAddress> addresses;  // one of each range set, in their order
  auto operator<=>(const Lease&) const = default;
};

// The leases of a node, of all networks: two networks must not hand out one address, because the
// node has one route to it.
//
// File <state-dir>/ipam/leases: a journal of text lines, one appended by one write(2) per change,
// so a process killed at any point leaves a change done or not begun; a last line without its
// newline (a full disk, a crash) was never answered for and is cut off. Written anew, as another
// file and renamed, when most of it is history. Its first line names the boot of the machine:
// leases of an earlier boot are dropped, since no pod outlives it; hence no fsync per change.
// Lock: <state-dir>/ipam/lock by flock(2), held as long as the value lives and released by the
// kernel if the process dies.
// Errors: base::SystemError; conf::CniFailure with TryAgain when the lock is not had in time;
// StoreError when the file cannot be understood (nothing is handed out then).
class IpamStore {
 public:
  // Makes the directories where they are absent and takes the lock.
  static IpamStore open(const std::string& stateDir,
                        std::chrono::milliseconds patience = std::chrono::seconds(10));

  [[nodiscard]] const std::map<conf::AttachmentId, Lease>& leases() const& { return leases_; }
  [[nodiscard]] std::map<conf::AttachmentId, Lease> leases() && { return std::move(leases_); }
  // The addresses of the last lease given to the network, whether still held or not.
  [[nodiscard]] std::vector<base::IpAddress> lastGiven(const std::string& network) const;

  // Recorded when it returns. The id must have no lease yet.
  void add(const Lease& lease);
  // False: there was none.
  bool remove(const conf::AttachmentId& id);

 private:
  IpamStore() = default;
  void load();
  void replay(std::string_view journal);
  void append(const std::string& line);
  void rewrite();

  std::string directory_;
  std::string bootId_;
  base::UniqueFd lock_;
  base::UniqueFd journal_;
  std::size_t journalSize_ = 0;
  std::size_t lines_ = 0;
  std::map<conf::AttachmentId, Lease> leases_;
  std::map<std::string, std::vector<base::IpAddress>> lastGiven_;
};

// The journal holds something kpol did not write.
class StoreError : public base::Error {
 public:
  using Error::Error;
};

}  // namespace kpol::plugin
