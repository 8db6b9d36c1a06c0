// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/ip_address.hpp"
#include "base/log.hpp"
#include "base/prefix.hpp"
#include "conf/config_error.hpp"
#include "conf/routing.hpp"

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kpol::conf {

// Where kpold takes the cluster's objects from.
struct Source {
  enum class Kind : std::uint8_t { Api, Directory };
  Kind kind = Kind::Api;
  std::string directory;  // of Directory
  auto operator<=>(const Source&) const = default;
};
std::string toString(const Source& source);  // "api", "dir:/etc/kpol/manifests"

struct ListenAddress {
  base::IpAddress address;
  std::uint16_t port = 0;
  auto operator<=>(const ListenAddress&) const = default;
};
std::string toString(const ListenAddress& listen);  // "127.0.0.1:9464", "[::1]:9464"

// How kpold runs; the file /etc/kpol/kpold.yaml and the flags that override it.
struct DaemonConfig {
  enum class PodToNode : std::uint8_t { Allow, Policy };
  // What holds for pods that no policy selects.
  enum class DefaultPolicy : std::uint8_t { Allow, DenyIngress, Deny };

  std::string nodeName;  // empty: the host's name
  Source source;
  std::string kubeconfig;  // empty: in-cluster; only with source api
  // Several that serve the same cluster; empty: as the kubeconfig, or the cluster, says.
  std::vector<std::string> apiServers;
  bool insecureSkipTlsVerify = false;  // a kubeconfig's insecure-skip-tls-verify is honoured
  std::string socket = "/run/kpol/kpold.sock";
  std::string stateDir = "/var/lib/kpol";
  // Where the runtime's network config is written; empty: it is not. Nothing: as the source says.
  std::optional<std::string> cniConfDir;
  std::string cniBinDir = "/opt/cni/bin";  // where the runtime looks for plugins
  std::optional<ListenAddress> metricsListen =
      ListenAddress{*base::IpAddress::parse("127.0.0.1"), 9464};
  base::LogLevel logLevel = base::LogLevel::Info;
  base::LogFormat logFormat = base::LogFormat::Text;
  PodToNode podToNode = PodToNode::Allow;
  std::chrono::milliseconds auditInterval = std::chrono::minutes(5);
  // An attachment whose pod is gone without a DEL is collected when two checks so far apart say so.
  std::chrono::milliseconds collectAfter = std::chrono::minutes(1);
  std::uint32_t mtu = 0;           // of pods' interfaces; 0: what the node's network leaves
  std::optional<Routing> routing;  // nothing: as the source says, see routingOf()
  // This node's addresses, at most one of a family; of a family without, the Node object's count.
  std::vector<base::IpAddress> nodeIps;
  // Not VXLAN's own port 4789 (RFC 7348), which other networks of a node may use: on this one only
  // nodes of the cluster are heard.
  std::uint32_t vxlanId = 4107;
  std::uint16_t vxlanPort = 8472;
  // What pods send out of the cluster gets the node's address; nothing: unless routing is none.
  std::optional<bool> masquerade;
  std::vector<base::Prefix> nonMasqueradeCidrs;  // beside the pod CIDRs of all nodes
  bool manageSysctls = true;
  bool metadataGuard = true;  // keep pods from the cloud's metadata service
  DefaultPolicy defaultPolicy = DefaultPolicy::Allow;
  // Exempt from metadataGuard and defaultPolicy.
  std::vector<std::string> systemNamespaces = {"kube-system"};
  bool operator==(const DaemonConfig&) const = default;
};

// cniConfDir, or what stands for it: /etc/cni/net.d with source api, and none with a directory,
// which knows no pod CIDRs of Nodes unless somebody writes them.
std::string cniConfDirOf(const DaemonConfig& config);

// `routing`, or what stands for it: auto with source api; none with a directory, which tells of
// other nodes only if somebody writes them there.
Routing routingOf(const DaemonConfig& config);
bool masqueradeOf(const DaemonConfig& config);

// The names that setField() knows, in the order in which they are documented.
std::vector<std::string_view> fieldNames();

// Sets one field from its text, as a flag gives it. Throws ConfigError naming the field when the
// name is unknown or the text is not one of its values.
void setField(DaemonConfig& config, std::string_view field, const std::string& text);

// Reads the file's text over `config`: YAML with `apiVersion: kpol.io/v1alpha1`,
// `kind: KpoldConfiguration` and the fields of fieldNames(), all scalars. Unknown and repeated
// fields are errors. Throws ConfigError.
void readDaemonConfig(std::string_view yaml, DaemonConfig& config);

// What can only be judged when file and flags are put together. Throws ConfigError.
void checkDaemonConfig(const DaemonConfig& config);

}  // namespace kpol::conf
