// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugin/plan.hpp"

namespace kpol::plugin {

// Sets the sysctl in the network namespace of the calling thread. Writes only if the value differs.
// If it cannot be set (read-only /proc/sys, kernel without IPv6), throws base::SystemError if it is
// needed, else ignores the error.
void set(const Sysctl& sysctl);

// Whether the sysctl has this value in the network namespace of the calling thread.
bool holds(const Sysctl& sysctl);

}  // namespace kpol::plugin
