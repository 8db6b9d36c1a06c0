// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/prefix.hpp"
#include "kube/field.hpp"

#include <optional>
#include <vector>

namespace kpol::kube {

// These return nullopt if `field` is absent, empty or invalid; an invalid value is reported.
std::optional<base::IpAddress> decodeIp(const Field& field);
std::optional<base::Prefix> decodeCidr(const Field& field);

// Returns the addresses sorted and without duplicates.
std::vector<base::IpAddress> canonical(std::vector<base::IpAddress> addresses);

}  // namespace kpol::kube
