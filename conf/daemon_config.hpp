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

// The source from which kpold reads the objects of the cluster.
struct Source {
  enum class Kind : std::uint8_t { Api, Directory };
  Kind kind = Kind::Api;
  std::string directory;  // only for Directory
  auto operator<=>(const Source&) const = default;
};
std::string toString(const Source& source);  // "api", "dir:/etc/kpol/manifests"

struct ListenAddress {
  base::IpAddress address;
  std::uint16_t port = 0;
  auto operator<=>(const ListenAddress&) const = default;
};
std::string toString(const ListenAddress& listen);  // "127.0.0.1:9464", "[::1]:9464"

// The configuration of kpold: the file /etc/kpol/kpold.yaml, and the flags that override it.
struct DaemonConfig {
  enum class PodToNode : std::uint8_t { Allow, Policy };
  // What applies to pods that no policy selects.
  enum class DefaultPolicy : std::uint8_t { Allow, DenyIngress, Deny };

  // What happens to established flows that a later change forbids.
  enum class Established : std::uint8_t { Cut, Keep };

  std::string nodeName;  // empty: the hostname
  Source source;
  std::string kubeconfig;  // empty: in-cluster; only with source api
  // API servers of the same cluster. Empty: from the kubeconfig or the in-cluster environment.
  std::vector<std::string> apiServers;
  bool insecureSkipTlsVerify = false;  // accept insecure-skip-tls-verify in the kubeconfig
  std::string socket = "/run/kpol/kpold.sock";
  std::string stateDir = "/var/lib/kpol";
  // The directory for the runtime's network config. Empty: not written. nullopt: see
  // cniConfDirOf().
  std::optional<std::string> cniConfDir;
  std::string cniBinDir = "/opt/cni/bin";  // where the runtime searches for plugins
  std::optional<ListenAddress> metricsListen =
      ListenAddress{*base::IpAddress::parse("127.0.0.1"), 9464};
  base::LogLevel logLevel = base::LogLevel::Info;
  base::LogFormat logFormat = base::LogFormat::Text;
  PodToNode podToNode = PodToNode::Allow;
  std::chrono::milliseconds auditInterval = std::chrono::minutes(5);
  // The interval of checks for attachments whose pod is gone without a DEL. An attachment is
  // collected after two such checks in a row.
  std::chrono::milliseconds collectAfter = std::chrono::minutes(1);
  std::uint32_t mtu = 0;           // of pod interfaces; 0: computed from the node's network
  std::optional<Routing> routing;  // nullopt: see routingOf()
  // This node's addresses, at most one of each family. For a family without one, the addresses of
  // the Node object are used.
  std::vector<base::IpAddress> nodeIps;
  // Empty: not limited. kpold accepts only pod CIDRs and only addresses of nodes within these.
  std::vector<base::Prefix> clusterCidrs;
  std::vector<base::Prefix> nodeCidrs;
  // vxlanPort is not the standard port 4789 (RFC 7348), because other networks of the node may use
  // that, and kpol accepts packets to this port only from nodes of the cluster.
  std::uint32_t vxlanId = 4107;
  std::uint16_t vxlanPort = 8472;
  // Packets from pods to outside the cluster get the node's address as source. nullopt: see
  // masqueradeOf().
  std::optional<bool> masquerade;
  std::vector<base::Prefix> nonMasqueradeCidrs;  // besides the pod CIDRs of all nodes
  // A pod of another node has only addresses within the pod CIDRs of its node. nullopt: see
  // checkPodAddressesOf().
  std::optional<bool> checkPodAddresses;
  bool manageSysctls = true;
  // Set the condition NetworkUnavailable of the Node to False once the network is made. Needs the
  // right to patch nodes/status.
  bool clearNetworkUnavailable = false;
  bool metadataGuard = true;  // keep pods from the cloud's metadata service
  // The addresses of that service. nullopt: those that are known of clouds.
  std::optional<std::vector<base::IpAddress>> metadataAddresses;
  DefaultPolicy defaultPolicy = DefaultPolicy::Allow;
  // Exempt from metadataGuard and defaultPolicy.
  std::vector<std::string> systemNamespaces = {"kube-system"};
  Established established = Established::Cut;
  bool operator==(const DaemonConfig&) const = default;
};

// Returns cniConfDir, or its default: /etc/cni/net.d with source api. With source dir the default
// is empty (not written), because the directory usually has no Node objects with pod CIDRs.
std::string cniConfDirOf(const DaemonConfig& config);

// Returns `routing`, or its default: auto with source api. With source dir the default is none,
// because the directory usually has no Node objects of other nodes.
Routing routingOf(const DaemonConfig& config);
// Returns `masquerade`, or its default: true unless routing is none.
bool masqueradeOf(const DaemonConfig& config);
// Returns `checkPodAddresses`, or its default: true unless routing is none.
bool checkPodAddressesOf(const DaemonConfig& config);

// The names of the fields of setField(), in the order of the documentation.
std::vector<std::string_view> fieldNames();

// Sets one field from its text, as given by a flag. Throws ConfigError with the field if the name
// is unknown or the text is invalid.
void setField(DaemonConfig& config, std::string_view field, const std::string& text);

// Reads the text of the file into `config`: YAML with `apiVersion: kpol.io/v1alpha1`,
// `kind: KpoldConfiguration` and the fields of fieldNames(), all of them scalars. Fields that are
// not given keep their values. Throws ConfigError, also for unknown and repeated fields.
void readDaemonConfig(std::string_view yaml, DaemonConfig& config);

// Validates the combination of fields, after file and flags are read. Throws ConfigError.
void checkDaemonConfig(const DaemonConfig& config);

}  // namespace kpol::conf
