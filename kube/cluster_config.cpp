// SPDX-License-Identifier: Apache-2.0
#include "kube/cluster_config.hpp"

#include "base/ip_address.hpp"

#include <charconv>

namespace kpol::kube {
namespace {

std::optional<std::uint16_t> parsePort(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

// Rejects characters that could end the request line or have a special meaning in a URL.
bool isPlain(std::string_view text) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte <= 0x20 || byte >= 0x7f || c == '?' || c == '#' || c == '@') return false;
  }
  return true;
}

// "HOST", "HOST:PORT", "[ADDRESS]", "[ADDRESS]:PORT".
bool parseAuthority(std::string_view text, ServerUrl& url) {
  if (text.starts_with('[')) {
    const auto close = text.find(']');
    if (close == text.npos) return false;
    url.host = text.substr(1, close - 1);
    text.remove_prefix(close + 1);
    if (!base::IpAddress::parse(url.host)) return false;
  } else {
    url.host = text.substr(0, text.find(':'));
    text.remove_prefix(url.host.size());
  }
  if (url.host.empty()) return false;
  if (text.empty()) return true;
  const auto port = text.starts_with(':') ? parsePort(text.substr(1)) : std::nullopt;
  if (port) url.port = *port;
  return port.has_value();
}

}  // namespace

std::optional<ServerUrl> ServerUrl::parse(std::string_view text) {
  constexpr std::string_view kTls = "https://";
  constexpr std::string_view kPlain = "http://";
  ServerUrl url;
  url.tls = text.starts_with(kTls);
  if (!url.tls && !text.starts_with(kPlain)) return std::nullopt;
  if (!url.tls) url.port = 80;
  text.remove_prefix(url.tls ? kTls.size() : kPlain.size());
  if (!isPlain(text)) return std::nullopt;
  const auto slash = text.find('/');
  if (slash != text.npos) url.path = text.substr(slash);
  while (url.path.ends_with('/')) url.path.pop_back();
  if (!parseAuthority(text.substr(0, slash), url)) return std::nullopt;
  return url;
}

std::string authorityOf(const ServerUrl& url) {
  const bool bracketed = url.host.find(':') != url.host.npos;
  std::string text = bracketed ? "[" + url.host + "]" : url.host;
  if (url.port != (url.tls ? 443 : 80)) text += ":" + std::to_string(url.port);
  return text;
}

std::string toString(const ServerUrl& url) {
  return (url.tls ? "https://" : "http://") + authorityOf(url) + url.path;
}

ClusterConfig inClusterConfig(const std::string& host, const std::string& port,
                              const std::string& directory) {
  if (host.empty() || port.empty()) {
    throw ClusterConfigError(
        "no API server is configured, and KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT "
        "are not set, as they are in a pod; set --kubeconfig, or --source dir:PATH");
  }
  const auto number = parsePort(port);
  if (!number) {
    throw ClusterConfigError("KUBERNETES_SERVICE_PORT must be 1..65535, not \"" + port + "\"");
  }
  ClusterConfig config;
  config.servers = {{true, host, *number, {}}};
  config.authorities.file = directory + "/ca.crt";
  config.tokenFile = directory + "/token";
  return config;
}

}  // namespace kpol::kube
