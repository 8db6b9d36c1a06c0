// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "plugin/plan.hpp"

#include <string>
#include <vector>

namespace kpol::plugin {

// Sets the sysctl in the network namespace of the calling thread. Writes only if the value differs.
// If it cannot be set (read-only /proc/sys, kernel without IPv6), throws base::SystemError or
// ignores the error, as Sysctl::Need says.
void set(const Sysctl& sysctl);

// What differs from `sysctls` in the network namespace of the calling thread, of those that harden
// the pod's link. `where`, such as "in the pod", begins each text.
std::vector<std::string> hardeningFaults(const std::vector<Sysctl>& sysctls,
                                         const std::string& where);

// Whether the sysctl has this value in the network namespace of the calling thread.
bool holds(const Sysctl& sysctl);

}  // namespace kpol::plugin
