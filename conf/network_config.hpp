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
  Required,  // ADD succeeds only after kpold committed the pod's enforcement
  None,      // plain networking, kpold is not asked
};

struct IpamConfig {
  std::string type;                // "kpol": built in; "": none; else a plugin found in CNI_PATH
  std::vector<IpRangeSet> ranges;  // of type "kpol", not empty
  bool operator==(const IpamConfig&) const = default;
};

// The result of the plugin before us in the chain, or at CHECK and DEL what ADD returned.
struct PrevResult {
  CniResult result;
  std::string json;  // as given, with what `result` has no place for
  bool operator==(const PrevResult&) const = default;
};

// The network config of plugin type "kpol": what the runtime writes to its standard input.
struct NetworkConfig {
  CniVersion version = kNewestCniVersion;
  std::string name;
  std::uint32_t mtu = 0;  // of the pod's interface; 0: the kernel's default
  IpamConfig ipam;
  std::string stateDir = "/var/lib/kpol";
  std::string socket = "/run/kpol/kpold.sock";
  PolicyMode policy = PolicyMode::Required;
  std::chrono::seconds policyTimeout{30};  // how long ADD waits for kpold
  CniDns dns;
  std::vector<base::IpAddress> requestedIps;  // runtimeConfig.ips, args.cni.ips
  std::vector<base::HostPort> hostPorts;      // runtimeConfig.portMappings; sorted, unique
  Bandwidth bandwidth;                        // runtimeConfig.bandwidth
  std::optional<base::MacAddress> mac = {};   // runtimeConfig.mac: of the pod's interface
  std::optional<PrevResult> prevResult;
  // GC: the attachments that live, of this network; nothing where the field is not given.
  std::optional<std::vector<AttachmentId>> validAttachments;
  bool operator==(const NetworkConfig&) const = default;
};

// Whether what the runtime asks for one pod is read, which only ADD and CHECK use.
enum class RuntimeConfig : unsigned char { Read, Ignore };

// Throws ConfigError naming the field (none: the text is no JSON object) and IncompatibleVersion.
// Unknown fields are ignored, as the specification asks.
NetworkConfig parseNetworkConfig(std::string_view json,
                                 RuntimeConfig runtime = RuntimeConfig::Read);

}  // namespace kpol::conf
