// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/host_port.hpp"
#include "conf/network_config.hpp"

#include <vector>

// The capability portMappings: kpold programs host ports, the plugin does what is around it.
namespace kpol::plugin {

// Throws conf::ConfigError where host ports are asked for and nobody would make them.
void requireKpold(const conf::NetworkConfig& config);

// A client of a UDP port that has lately been nobody's, or another pod's, is on record with that
// end, and would never reach the new pod. Called once the ports lead to the pod. A kernel that
// cannot be asked is told of on standard error: the records end by themselves.
void forgetFlowsTo(const std::vector<base::HostPort>& ports);

}  // namespace kpol::plugin
