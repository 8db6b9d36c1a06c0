// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace kpol::controller {

// `kpold hold`: keeps the netlink socket that kpold hands over at `path` open
// (node/holder_connection.hpp), until SIGTERM or SIGINT. First takes the socket of a holder that
// listens there already, so one holder can replace another without a moment in which neither has
// it. Needs no capability, reads nothing from the netlink socket and writes nothing to it. At most
// 16 connections: a further one ends the oldest. Throws base::SystemError.
void holdTable(const std::string& path);

}  // namespace kpol::controller
