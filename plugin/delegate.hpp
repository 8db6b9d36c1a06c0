// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/cni_env.hpp"
#include "plugin/request.hpp"

#include <chrono>
#include <string>

namespace kpol::plugin {

// Runs the IPAM plugin config.ipam.type, found in CNI_PATH, as the CNI specification's section 4
// says: with our environment (but the command), our network config on its standard input; its
// standard error is ours. The caller ignores SIGPIPE: a plugin need not read its input. Returns its
// standard output. The only program kpol ever runs. Throws conf::CniFailure: what the plugin
// reported, with its own code; or code Ipam where it is not found, dies, says nothing, or takes
// longer than `patience` (it is killed then).
std::string runIpamPlugin(const Request& request, conf::CniCommand command,
                          std::chrono::milliseconds patience = std::chrono::seconds(60));

}  // namespace kpol::plugin
