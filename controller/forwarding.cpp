// SPDX-License-Identifier: Apache-2.0
#include "controller/forwarding.hpp"

#include <spdlog/spdlog.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <string>

namespace kpol::controller {
namespace {

void enable(const std::string& sysctl) {
  const std::string path = "/proc/sys/" + sysctl;
  std::ifstream current(path);
  std::string value;
  // A kernel without IPv6 has no such file, and nothing to forward.
  if (!(current >> value)) return;
  if (value != "0") return;
  std::ofstream file(path);
  file << "1" << std::flush;
  if (file)
    spdlog::info("sysctl set {}=1", sysctl);
  else
    spdlog::warn("pods cannot reach one another: cannot set {}=1: {}", sysctl,
                 std::strerror(errno));
}

}  // namespace

void enableForwarding() {
  enable("net/ipv4/ip_forward");
  enable("net/ipv6/conf/all/forwarding");
}

}  // namespace kpol::controller
