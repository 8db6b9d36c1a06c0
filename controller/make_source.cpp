// SPDX-License-Identifier: Apache-2.0
#include "controller/make_source.hpp"

#include "base/error.hpp"
#include "base/log.hpp"
#include "controller/api_source.hpp"
#include "controller/directory_source.hpp"
#include "kube/cluster_config.hpp"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace kpol::controller {
namespace {

constexpr const char* kServiceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

kube::ClusterConfig readKubeconfigFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw base::SystemError("cannot open the kubeconfig " + path, errno);
  const std::string text(std::istreambuf_iterator<char>(file), {});
  try {
    return kube::readKubeconfig(text, std::filesystem::path(path).parent_path());
  } catch (const kube::ClusterConfigError& error) {
    throw kube::ClusterConfigError(path + ": " + error.what());
  }
}

std::vector<kube::ServerUrl> parseServers(const std::vector<std::string>& texts) {
  std::vector<kube::ServerUrl> servers;
  for (const auto& text : texts) {
    const auto url = kube::ServerUrl::parse(text);
    if (!url)
      throw conf::ConfigError("apiServers",
                              "must be URLs such as https://192.0.2.1:6443, not \"" + text + "\"");
    servers.push_back(*url);
  }
  return servers;
}

kube::ClusterConfig clusterConfigOf(const conf::DaemonConfig& config) {
  auto cluster =
      config.kubeconfig.empty()
          ? kube::inClusterConfig(environment("KUBERNETES_SERVICE_HOST"),
                                  environment("KUBERNETES_SERVICE_PORT"), kServiceAccount)
          : readKubeconfigFile(config.kubeconfig);
  if (!config.apiServers.empty()) cluster.servers = parseServers(config.apiServers);
  if (cluster.skipTlsVerify && !config.insecureSkipTlsVerify)
    throw kube::ClusterConfigError(
        config.kubeconfig +
        ": insecure-skip-tls-verify lets anyone between kpold and the API server change "
        "policies; to allow it, set --insecure-skip-tls-verify=true, else remove it");
  if (cluster.skipTlsVerify)
    base::logWarn("API server certificate is not verified",
                  {{"reason", "insecure-skip-tls-verify"}});
  for (const auto& server : cluster.servers)
    if (!server.tls)
      base::logWarn("API server connection without TLS", {{"server", toString(server)}});
  return cluster;
}

}  // namespace

std::unique_ptr<Source> makeSource(const conf::DaemonConfig& config, Store& store,
                                   std::function<void()> changed) {
  if (config.source.kind == conf::Source::Kind::Api)
    return std::make_unique<ApiSource>(clusterConfigOf(config), kube::ListWatch::Options(), store,
                                       std::move(changed));
  return std::make_unique<DirectorySource>(
      kube::ManifestDirectory(config.source.directory,
                              std::filesystem::path(config.stateDir) / "manifests"),
      store, std::move(changed));
}

}  // namespace kpol::controller
