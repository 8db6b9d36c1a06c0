// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/attachment.hpp"
#include "conf/cni_env.hpp"
#include "conf/network_config.hpp"

#include <string>

namespace kpol::plugin {

// One call of the plugin by the runtime.
struct Request {
  conf::CniEnv env;
  conf::NetworkConfig config;
  std::string configText;  // unchanged, for a delegated IPAM plugin
};

// Only for ADD, DEL and CHECK, which always have an ifname.
inline conf::AttachmentId idOf(const Request& request) {
  return {request.env.containerId, request.env.ifName->text()};
}

}  // namespace kpol::plugin
