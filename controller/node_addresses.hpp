// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"
#include "controller/store.hpp"

#include <functional>

namespace kpol::controller {

// The node's own addresses without loopback addresses (127.0.0.0/8, ::1), in the network namespace
// of the calling thread. Throws netlink::Error.
std::vector<base::IpAddress> readNodeAddresses();

// Keeps the store's node addresses up to date until cancelled. Calls `changed` after every read.
// Throws netlink::Error; it may then be called again.
base::Task<> followNodeAddresses(Store& store, std::function<void()> changed);

}  // namespace kpol::controller
