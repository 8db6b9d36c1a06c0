// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugin/plan.hpp"

namespace kpol::plugin {

// Sets it in the network namespace of the calling thread; writes only where the value is another
// one. One that is not needed and cannot be set (a read-only /proc/sys, a kernel without IPv6) is
// passed over. Throws base::SystemError.
void set(const Sysctl& sysctl);

// Whether it has that value there.
bool holds(const Sysctl& sysctl);

}  // namespace kpol::plugin
