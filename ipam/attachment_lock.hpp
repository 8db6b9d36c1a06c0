// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"
#include "conf/attachment.hpp"

#include <chrono>
#include <string>

namespace kpol::ipam {

// While it lives no other process works on the attachment: a DEL that overtook an ADD half done
// would free addresses that the ADD goes on to use. A byte of <state-dir>/ipam/attachments.lock by
// fcntl(2), which the kernel gives back when the process dies. Two attachments may, once in a very
// long while, share a byte; they then wait for each other.
// Makes the directories where they are absent. Throws StoreBusy, base::SystemError.
class AttachmentLock {
 public:
  AttachmentLock(const std::string& stateDir, const conf::AttachmentId& id,
                 std::chrono::milliseconds patience = std::chrono::seconds(10));

 private:
  base::UniqueFd fd_;
};

}  // namespace kpol::ipam
