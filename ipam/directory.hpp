// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.hpp"

#include <chrono>
#include <functional>
#include <string>

// Files below <state-dir>/ipam, and locks on them.
namespace kpol::ipam {

// Held by the process that completes pending releases.
inline constexpr const char* kSettleLock = "settle.lock";

// Whether `code` is the errno of a file system without space.
bool isFull(int code);

// Opens the file for reading and writing. Creates it, and its directories with mode 0700, if they
// do not exist. Throws base::SystemError.
base::UniqueFd openLockFile(const std::string& stateDir, const std::string& name);

// Calls `attempt`, which sets errno, until it returns true. It polls, every 0.2 to 5 ms, because a
// wait for a file lock cannot have a timeout. Throws StoreBusy after `patience`, and
// base::SystemError if `attempt` fails for another reason than that the lock is held.
void takeLock(const std::string& what, std::chrono::milliseconds patience,
              const std::function<bool()>& attempt);

}  // namespace kpol::ipam
