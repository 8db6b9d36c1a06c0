// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"
#include "conf/attachment.hpp"

#include <chrono>
#include <string>

namespace kpol::ipam {

// An exclusive lock on one attachment, held until destruction. Without it a DEL during an
// unfinished ADD would free addresses that the ADD then uses. The lock is one byte of
// <state-dir>/ipam/attachments.lock (fcntl(2), F_OFD_SETLK); the kernel releases it if the process
// dies. The byte is a hash of the id: in the rare case of a collision two attachments wait for each
// other. Creates missing directories. If a full disk prevents that, there is no lock to wait for.
// Throws StoreBusy if the lock is not free within `patience`, and base::SystemError.
class AttachmentLock {
 public:
  AttachmentLock(const std::string& stateDir, const conf::AttachmentId& id,
                 std::chrono::milliseconds patience = std::chrono::seconds(10));

 private:
  base::UniqueFd fd_;
};

}  // namespace kpol::ipam
