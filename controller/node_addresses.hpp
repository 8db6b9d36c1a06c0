// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/async/task.hpp"
#include "controller/store.hpp"

#include <functional>

namespace kpol::controller {

// The node's own addresses, without those of loopback devices; in the network namespace of the
// calling thread. Throws netlink::Error.
std::vector<base::IpAddress> readNodeAddresses();

// Keeps the store's node addresses right until cancelled; calls `changed` after every look.
// Throws netlink::Error, after which it may be run again.
base::Task<> followNodeAddresses(Store& store, std::function<void()> changed);

}  // namespace kpol::controller
