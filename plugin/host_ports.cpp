// SPDX-License-Identifier: Apache-2.0
#include "plugin/host_ports.hpp"

#include "conf/config_error.hpp"
#include "netlink/conntrack.hpp"
#include "netlink/error.hpp"

#include <algorithm>
#include <cstdio>

namespace kpol::plugin {

namespace {

// Programs of the node listen on such addresses, as its resolver does on 127.0.0.53.
bool isOtherLoopback(const base::IpAddress& address) {
  static const auto kLocalhost = *base::IpAddress::parse("127.0.0.1");
  return address.isV4() && address.bytes()[0] == 127 && address != kLocalhost;
}

}  // namespace

void requireServable(const conf::NetworkConfig& config) {
  for (const auto& port : config.hostPorts)
    if (port.hostIp && isOtherLoopback(*port.hostIp))
      throw conf::ConfigError(
          "runtimeConfig.portMappings",
          "must have no hostIP in 127.0.0.0/8 but 127.0.0.1 (" + toString(port) + ")");
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
