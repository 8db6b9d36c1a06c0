// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/prefix.hpp"
#include "kube/field.hpp"

#include <optional>
#include <vector>

namespace kpol::kube {

// Nothing when `field` is absent or empty, or is no address or CIDR (which is reported).
std::optional<base::IpAddress> decodeIp(const Field& field);
std::optional<base::Prefix> decodeCidr(const Field& field);

// Sorted, each once.
std::vector<base::IpAddress> canonical(std::vector<base::IpAddress> addresses);

}  // namespace kpol::kube
