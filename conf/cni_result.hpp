// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/prefix.hpp"
#include "conf/cni_version.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// The success result of ADD, in the terms of the CNI specification. All versions use the same
// types, which have the form of the newest version.
namespace kpol::conf {

struct CniInterface {
  std::string name;
  std::string mac;
  std::uint32_t mtu = 0;  // 0: unknown; printed since 1.1.0
  std::string sandbox;    // path of the network namespace; empty: on the host
  auto operator<=>(const CniInterface&) const = default;
};

struct CniIp {
  base::IpAddress address;
  unsigned prefixLength = 0;
  std::optional<base::IpAddress> gateway;
  std::optional<std::size_t> interface;  // index into interfaces
  auto operator<=>(const CniIp&) const = default;
};

struct CniRoute {
  base::Prefix destination;
  std::optional<base::IpAddress> gateway;
  // Since 1.1.0; omitted from older results.
  std::optional<std::uint32_t> mtu = {};
  std::optional<std::uint32_t> advmss = {};
  std::optional<std::uint32_t> priority = {};
  std::optional<std::uint32_t> table = {};
  std::optional<std::uint32_t> scope = {};
  auto operator<=>(const CniRoute&) const = default;
};

struct CniDns {
  std::vector<std::string> nameservers;
  std::string domain;
  std::vector<std::string> search;
  std::vector<std::string> options;
  auto operator<=>(const CniDns&) const = default;
};

struct CniResult {
  std::vector<CniInterface> interfaces;
  std::vector<CniIp> ips;
  std::vector<CniRoute> routes;
  CniDns dns;
  auto operator<=>(const CniResult&) const = default;
};

// Prints the result in the form of `version`: before 1.0.0 each of ips has "version":"4" or "6".
std::string print(const CniResult& result, CniVersion version);

// Reads a result of any version that kpol supports. Ignores unknown fields. Throws ConfigError with
// a path below `field` ("prevResult") if a known field is invalid.
CniResult parseResult(std::string_view json, const std::string& field);

// Returns the result unchanged, with all unknown fields, except that cniVersion is `version`.
std::string passThrough(std::string_view resultJson, CniVersion version);

}  // namespace kpol::conf
