// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

#include <chrono>
#include <functional>
#include <string>

// Files below <state-dir>/ipam, and locks on them.
namespace kpol::ipam {

// Opened for reading and writing and made if need be, the directories above it (0700) too. Throws
// base::SystemError.
base::UniqueFd openLockFile(const std::string& stateDir, const std::string& name);

// Calls `attempt`, which sets errno, until it is true. Locks are held for well under a millisecond,
// and file locks cannot be waited for with a limit. Throws StoreBusy when `patience` is over,
// base::SystemError where the lock is not merely held.
void takeLock(const std::string& what, std::chrono::milliseconds patience,
              const std::function<bool()>& attempt);

}  // namespace kpol::ipam
