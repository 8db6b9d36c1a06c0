// SPDX-License-Identifier: Apache-2.0
#include "plugin/host_ports.hpp"

#include "conf/config_error.hpp"
#include "netlink/conntrack.hpp"
#include "netlink/error.hpp"

#include <algorithm>
#include <cstdio>

namespace kpol::plugin {

void requireKpold(const conf::NetworkConfig& config) {
  if (config.hostPorts.empty() || config.policy == conf::PolicyMode::Required) return;
  throw conf::ConfigError("runtimeConfig.portMappings",
                          "need kpold (" + toString(config.hostPorts.front()) +
                              "): set \"policy\": \"required\" in the network config, or give "
                              "the capability portMappings to a plugin after kpol");
}

void forgetFlowsTo(const std::vector<base::HostPort>& ports) {
  try {
    netlink::forgetDatagramFlows(ports);
  } catch (const netlink::Error& error) {
    std::fprintf(stderr,
                 "kpol: cannot delete conntrack entries of the pod's host ports, so "
                 "clients may connect late: %s\n",
                 error.what());
  }
}

}  // namespace kpol::plugin
