// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kpol::kube {

// A kubeconfig or in-cluster configuration that does not lead to an API server. what() names the
// field; makeSource() adds the file.
class ClusterConfigError : public base::Error {
 public:
  using Error::Error;
};

// The address of an API server.
struct ServerUrl {
  bool tls = true;
  std::string host;  // a name or an address; IPv6 without brackets
  std::uint16_t port = 443;
  std::string path;  // prefix of every API path; does not end with '/'
  bool operator==(const ServerUrl&) const = default;

  // Parses "https://HOST[:PORT][/PATH]" or "http://…"; an IPv6 address is in brackets.
  static std::optional<ServerUrl> parse(std::string_view text);
};
std::string toString(const ServerUrl& url);
// The value of the Host header: brackets around an IPv6 address, no default port.
std::string authorityOf(const ServerUrl& url);

// A PEM text, or a file that contains it. Files are read again each time they are needed, because
// they are rotated.
struct PemSource {
  std::string text;
  std::string file;
  [[nodiscard]] bool given() const { return !text.empty() || !file.empty(); }
  bool operator==(const PemSource&) const = default;
};

// A program that prints an ExecCredential (client.authentication.k8s.io).
struct ExecPlugin {
  std::string apiVersion;
  std::string command;
  std::vector<std::string> arguments;
  std::vector<std::pair<std::string, std::string>> environment;
  bool operator==(const ExecPlugin&) const = default;
};

// How to reach a cluster, and with which credentials.
struct ClusterConfig {
  std::vector<ServerUrl> servers;  // of one cluster; any of them may be used
  PemSource authorities;           // absent: the system's authorities
  std::string tlsServerName;       // the name in the certificate; empty: the host of the URL
  bool skipTlsVerify = false;      // the server's certificate is not verified
  PemSource clientCertificate;
  PemSource clientKey;
  std::string token;
  std::string tokenFile;
  std::optional<ExecPlugin> exec;
  bool operator==(const ClusterConfig&) const = default;
};

// Reads the current context of a kubeconfig. Relative file names are relative to `directory`. A
// token file takes precedence over a token in the text. Throws ClusterConfigError, also for
// settings that matter but are not supported (proxy-url, auth-provider, user names and passwords,
// impersonation).
ClusterConfig readKubeconfig(std::string_view yaml, const std::string& directory);

// The in-cluster configuration of every pod: KUBERNETES_SERVICE_HOST and _PORT, and the files of
// its service account in `directory`. Throws ClusterConfigError.
ClusterConfig inClusterConfig(const std::string& host, const std::string& port,
                              const std::string& directory);

}  // namespace kpol::kube
