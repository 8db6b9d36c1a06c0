// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "conf/cni_env.hpp"
#include "plugin/request.hpp"

#include <chrono>
#include <string>

namespace kpol::plugin {

// Runs the IPAM plugin config.ipam.type from CNI_PATH, as described in section 4 of the CNI
// specification, and returns its standard output. The plugin gets our environment with `command` as
// CNI_COMMAND and our network config on its standard input, and it shares our standard error. The
// caller must ignore SIGPIPE, because a plugin need not read its input. kpol runs no other program.
// Throws conf::CniFailure with the error that the plugin reported, or with code Ipam if the plugin
// is not found, fails without an error result, writes more than 16 MiB, or does not exit within
// `patience`; in the last two cases it is killed. Throws base::SystemError if a system call fails.
std::string runIpamPlugin(const Request& request, conf::CniCommand command,
                          std::chrono::milliseconds patience = std::chrono::seconds(60));

}  // namespace kpol::plugin
