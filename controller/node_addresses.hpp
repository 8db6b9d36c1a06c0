// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"
#include "controller/store.hpp"

#include <functional>

namespace kpol::controller {

// Passes the addresses of the node (Store::setNodeIps) to the store, without loopback addresses
// (127.0.0.0/8, ::1): those in the network namespace of the calling thread. Throws netlink::Error.
void readNodeAddresses(Store& store);

// Keeps the store's node addresses up to date until cancelled. Calls `changed` after every read.
// Throws netlink::Error; it may then be called again.
base::Task<> followNodeAddresses(Store& store, std::function<void()> changed);

}  // namespace kpol::controller
