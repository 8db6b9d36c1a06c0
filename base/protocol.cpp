// SPDX-License-Identifier: Apache-2.0
#include "base/protocol.hpp"

namespace kpol::base {

std::optional<Protocol> parseProtocol(std::string_view text) {
  if (text == "TCP") return Protocol::Tcp;
  if (text == "UDP") return Protocol::Udp;
  if (text == "SCTP") return Protocol::Sctp;
  return std::nullopt;
}

std::string_view toString(Protocol protocol) {
  switch (protocol) {
    case Protocol::Tcp: return "TCP";
    case Protocol::Udp: return "UDP";
    case Protocol::Sctp: return "SCTP";
  }
  return "?";
}

}  // namespace kpol::base
