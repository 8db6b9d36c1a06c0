// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "netlink/message.hpp"

#include <linux/netfilter/nfnetlink.h>

#include <cstdint>

namespace kpol::netlink {

// A request to the conntrack subsystem of nfnetlink. type: IPCTNL_MSG_CT_*; family: AF_*.
inline Message conntrackMessage(std::uint8_t type, std::uint16_t flags, std::uint8_t family) {
  Message message(static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8U | type), flags);
  message.putHeader(nfgenmsg{family, NFNETLINK_V0, 0});
  return message;
}

}  // namespace kpol::netlink
