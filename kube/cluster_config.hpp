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

// A kubeconfig, or what a pod is given, that leads to no API server. what() names file and field.
class ClusterConfigError : public base::Error {
 public:
  using Error::Error;
};

// Where an API server answers.
struct ServerUrl {
  bool tls = true;
  std::string host;  // a name or an address, an IPv6 one without brackets
  std::uint16_t port = 443;
  std::string path;  // before every path of the API; no '/' at its end
  bool operator==(const ServerUrl&) const = default;

  // "https://HOST[:PORT][/PATH]" or "http://…", an IPv6 address in brackets.
  static std::optional<ServerUrl> parse(std::string_view text);
};
std::string toString(const ServerUrl& url);
// As the Host header has it: brackets around an IPv6 address, no default port.
std::string authorityOf(const ServerUrl& url);

// A PEM text, or the file that has it; files are read anew whenever they are needed, since they
// rotate.
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

// How to reach a cluster and as whom.
struct ClusterConfig {
  std::vector<ServerUrl> servers;  // of one cluster; any may answer
  PemSource authorities;           // absent: those the system trusts
  std::string tlsServerName;       // what the certificate must name; empty: the host of the URL
  bool skipTlsVerify = false;      // the certificate is not looked at
  PemSource clientCertificate;
  PemSource clientKey;
  std::string token;
  std::string tokenFile;
  std::optional<ExecPlugin> exec;
  bool operator==(const ClusterConfig&) const = default;
};

// The current context of a kubeconfig. Relative files in it are relative to `directory`. A token of
// a file goes before one in the text. Throws ClusterConfigError, also for what would be ignored
// although it matters (proxy-url, auth-provider, user names and passwords, impersonation).
ClusterConfig readKubeconfig(std::string_view yaml, const std::string& directory);

// What every pod is told about its own cluster: KUBERNETES_SERVICE_HOST and _PORT, and the files of
// its service account in `directory`. Throws ClusterConfigError.
ClusterConfig inClusterConfig(const std::string& host, const std::string& port,
                              const std::string& directory);

}  // namespace kpol::kube
