// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/host_port.hpp"
#include "base/ip_address.hpp"
#include "base/mac_address.hpp"
#include "conf/attachment.hpp"
#include "conf/bandwidth.hpp"
#include "conf/cni_result.hpp"
#include "conf/cni_version.hpp"
#include "conf/ip_ranges.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kpol::conf {

enum class PolicyMode : std::uint8_t {
  Required,  // ADD succeeds only after kpold has committed the pod's enforcement
  None,      // plain networking without kpold
};

struct IpamConfig {
  std::string type;                // "kpol": built in; "": none; else a plugin in CNI_PATH
  std::vector<IpRangeSet> ranges;  // only for type "kpol", then not empty
  bool operator==(const IpamConfig&) const = default;
};

// For ADD the result of the previous plugin in the chain, for CHECK and DEL the result of ADD.
struct PrevResult {
  CniResult result;
  std::string json;  // the complete input, with fields that `result` does not have
  bool operator==(const PrevResult&) const = default;
};

// The network config of plugin type "kpol", which the runtime writes to its standard input.
struct NetworkConfig {
  CniVersion version = kNewestCniVersion;
  std::string name;
  std::uint32_t mtu = 0;  // of the pod interface; 0: the smallest of the node's default routes
  IpamConfig ipam;
  std::string stateDir = "/var/lib/kpol";
  std::string socket = "/run/kpol/kpold.sock";
  PolicyMode policy = PolicyMode::Required;
  std::chrono::seconds policyTimeout{30};  // how long ADD waits for kpold
  CniDns dns;
  std::vector<base::IpAddress> requestedIps;  // runtimeConfig.ips, args.cni.ips
  std::vector<base::HostPort> hostPorts;      // runtimeConfig.portMappings; sorted, unique
  Bandwidth bandwidth;                        // runtimeConfig.bandwidth
  std::optional<base::MacAddress> mac = {};   // runtimeConfig.mac: of the pod interface
  std::optional<PrevResult> prevResult;
  // GC: the attachments of this network that are in use; nullopt if the field is not given.
  std::optional<std::vector<AttachmentId>> validAttachments;
  bool operator==(const NetworkConfig&) const = default;
};

// Whether to read the runtime's parameters for one pod, which only ADD and CHECK use: the requested
// IPs and runtimeConfig.
enum class RuntimeConfig : unsigned char { Read, Ignore };

// Ignores unknown fields, as the CNI specification requires. Throws IncompatibleVersion, and
// ConfigError with the field (empty if the text is not a JSON object).
NetworkConfig parseNetworkConfig(std::string_view json,
                                 RuntimeConfig runtime = RuntimeConfig::Read);

}  // namespace kpol::conf
