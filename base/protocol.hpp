// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace kpol::base {

// The protocols that have ports in the Kubernetes API. Values are IANA protocol numbers.
enum class Protocol : std::uint8_t { Tcp = 6, Udp = 17, Sctp = 132 };

// Accepts "TCP", "UDP" and "SCTP" in upper case, like the Kubernetes API; else returns nullopt.
std::optional<Protocol> parseProtocol(std::string_view text);

std::string_view toString(Protocol protocol);

}  // namespace kpol::base
