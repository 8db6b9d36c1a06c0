// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/host_port.hpp"
#include "conf/network_config.hpp"

#include <vector>

// The capability "portMappings". kpold programs the host ports; the plugin does the rest.
namespace kpol::plugin {

// Throws conf::ConfigError if host ports are requested but the policy mode is "none", so that kpold
// would not program them, or if a hostIP is a loopback address other than 127.0.0.1.
void requireServable(const conf::NetworkConfig& config);

// Deletes stale conntrack entries of UDP host ports. If a port had no pod or another pod before,
// the entry of a client still has that destination, so the client would never reach the new pod.
// Call it after the ports lead to the pod. An error of the kernel is only reported on standard
// error, because the entries time out by themselves.
void forgetFlowsTo(const std::vector<base::HostPort>& ports);

}  // namespace kpol::plugin
