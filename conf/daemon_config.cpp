// SPDX-License-Identifier: Apache-2.0
#include "conf/daemon_config.hpp"

#include "conf/duration.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

namespace kpol::conf {
namespace {

constexpr std::string_view kApiVersion = "kpol.io/v1alpha1";
constexpr std::string_view kKind = "KpoldConfiguration";
constexpr std::string_view kDirectoryPrefix = "dir:";
// An audit reads the whole table, so more frequent audits would be a considerable load.
constexpr std::chrono::milliseconds kShortestAudit = std::chrono::seconds(1);
constexpr std::chrono::milliseconds kShortestGrace = std::chrono::seconds(1);

// The minimum MTU of IPv6 (RFC 8200, section 5), and the maximum of veth.
constexpr std::uint32_t kLeastMtu = 1280;
constexpr std::uint32_t kMostMtu = 65535;

// The parsers throw the error without the field; setField() adds it.
[[noreturn]] void refuse(const std::string& problem) {
  throw ConfigError("", problem);
}

std::string quoted(const std::string& text) {
  return "\"" + text + "\"";
}

template <class T>
T known(std::optional<T> value, const std::string& text, const char* wanted) {
  if (!value) refuse("must be " + std::string(wanted) + ", not " + quoted(text));
  return *std::move(value);
}

std::string parsePath(const std::string& text) {
  if (!text.starts_with('/')) refuse("must be an absolute path, not " + quoted(text));
  return text;
}

std::string parseOptionalPath(const std::string& text) {
  return text.empty() ? text : parsePath(text);
}

std::uint32_t parseMtu(const std::string& text) {
  std::uint32_t mtu = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mtu);
  const bool isNumber = error == std::errc() && end == text.data() + text.size();
  if (!isNumber || (mtu != 0 && (mtu < kLeastMtu || mtu > kMostMtu)))
    refuse("must be 0 (computed) or 1280..65535, not " + quoted(text));
  return mtu;
}

Source parseSource(const std::string& text) {
  if (text == "api") return {Source::Kind::Api, {}};
  if (!text.starts_with(kDirectoryPrefix) || text.size() == kDirectoryPrefix.size())
    refuse("must be api or dir:PATH, not " + quoted(text));
  return {Source::Kind::Directory, text.substr(kDirectoryPrefix.size())};
}

// "ADDRESS:PORT", an IPv6 address in brackets.
std::optional<ListenAddress> parseListenAddress(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  auto host = text.substr(0, colon);
  const auto portText = text.substr(colon + 1);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (bracketed) host = host.substr(1, host.size() - 2);
  const auto address = base::IpAddress::parse(host);
  if (!address || address->isV4() == bracketed) return std::nullopt;
  std::uint16_t port = 0;
  const auto [end, error] =
      std::from_chars(portText.data(), portText.data() + portText.size(), port);
  if (error != std::errc() || end != portText.data() + portText.size() || port == 0)
    return std::nullopt;
  return ListenAddress{*address, port};
}

std::optional<ListenAddress> parseMetricsListen(const std::string& text) {
  if (text.empty()) return std::nullopt;
  return known(parseListenAddress(text), text,
               "ADDRESS:PORT (an IPv6 address in brackets) or empty");
}

DaemonConfig::PodToNode parsePodToNode(const std::string& text) {
  if (text == "allow") return DaemonConfig::PodToNode::Allow;
  if (text == "policy") return DaemonConfig::PodToNode::Policy;
  refuse("must be allow or policy, not " + quoted(text));
}

DaemonConfig::DefaultPolicy parseDefaultPolicy(const std::string& text) {
  if (text == "allow") return DaemonConfig::DefaultPolicy::Allow;
  if (text == "deny-ingress") return DaemonConfig::DefaultPolicy::DenyIngress;
  if (text == "deny") return DaemonConfig::DefaultPolicy::Deny;
  refuse("must be allow, deny-ingress or deny, not " + quoted(text));
}

DaemonConfig::Established parseEstablished(const std::string& text) {
  if (text == "cut") return DaemonConfig::Established::Cut;
  if (text == "keep") return DaemonConfig::Established::Keep;
  refuse("must be cut or keep, not " + quoted(text));
}

// Whether the name is a DNS label (RFC 1123), as names of namespaces are.
bool isNamespaceName(std::string_view name) {
  const auto alphanumeric = [](char c) { return ('a' <= c && c <= 'z') || ('0' <= c && c <= '9'); };
  return !name.empty() && name.size() <= 63 && alphanumeric(name.front()) &&
         alphanumeric(name.back()) &&
         std::all_of(name.begin(), name.end(), [&](char c) { return alphanumeric(c) || c == '-'; });
}

// Splits comma-separated texts and trims spaces. Returns no text for an empty input.
std::vector<std::string> split(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t start = 0; !text.empty() && start <= text.size();) {
    const auto end = std::min(text.find(',', start), text.size());
    const auto first = std::min(text.find_first_not_of(' ', start), end);
    auto part = text.substr(first, end - first);
    part.erase(part.find_last_not_of(' ') + 1);
    parts.push_back(std::move(part));
    start = end + 1;
  }
  return parts;
}

std::vector<std::string> parseNamespaces(const std::string& text) {
  auto names = split(text);
  if (!std::all_of(names.begin(), names.end(), isNamespaceName))
    refuse("must be comma-separated names of namespaces, not " + quoted(text));
  return names;
}

std::chrono::milliseconds parseAuditInterval(const std::string& text) {
  const auto interval = known(parseDuration(text), text, "a duration such as 5m or 90s");
  if (interval < kShortestAudit) refuse("must be at least 1s, not " + quoted(text));
  return interval;
}

std::chrono::milliseconds parseCollectAfter(const std::string& text) {
  const auto grace = known(parseDuration(text), text, "a duration such as 1m or 90s");
  if (grace < kShortestGrace) refuse("must be at least 1s, not " + quoted(text));
  return grace;
}

bool parseBool(const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  refuse("must be true or false, not " + quoted(text));
}

// Comma-separated URLs; validated by the API client.
std::vector<std::string> parseServers(const std::string& text) {
  std::vector<std::string> servers;
  for (std::size_t start = 0; start < text.size();) {
    const auto end = std::min(text.find(',', start), text.size());
    const auto server = text.substr(start, end - start);
    if (server.empty() || server.find(' ') != std::string::npos)
      refuse("must be comma-separated URLs, not " + quoted(text));
    servers.push_back(server);
    start = end + 1;
  }
  return servers;
}

Routing parseRouting(const std::string& text) {
  for (const auto routing : {Routing::Auto, Routing::Direct, Routing::Vxlan, Routing::None})
    if (text == toString(routing)) return routing;
  refuse("must be auto, direct, vxlan or none, not " + quoted(text));
}

std::vector<base::IpAddress> parseNodeIps(const std::string& text) {
  std::vector<base::IpAddress> addresses;
  for (const auto& part : split(text)) {
    const auto address = base::IpAddress::parse(part);
    const bool isSecond =
        address && std::any_of(addresses.begin(), addresses.end(), [&](const auto& known) {
          return known.family() == address->family();
        });
    if (!address || isSecond)
      refuse("must be an IP address, or one of each family, comma-separated, not " + quoted(text));
    addresses.push_back(*address);
  }
  return addresses;
}

std::vector<base::IpAddress> parseAddresses(const std::string& text) {
  std::vector<base::IpAddress> addresses;
  for (const auto& part : split(text)) {
    const auto address = base::IpAddress::parse(part);
    if (!address) refuse("must be comma-separated IP addresses, not " + quoted(text));
    addresses.push_back(*address);
  }
  if (addresses.empty()) refuse("must have an address; metadataGuard: false turns the guard off");
  return addresses;
}

std::vector<base::Prefix> parseCidrs(const std::string& text) {
  std::vector<base::Prefix> cidrs;
  for (const auto& part : split(text)) {
    const auto cidr = base::Prefix::parse(part);
    if (!cidr) refuse("must be comma-separated CIDRs such as 10.0.0.0/8, not " + quoted(text));
    cidrs.push_back(*cidr);
  }
  return cidrs;
}

// Reads a number from `least` to `most`.
template <class Number>
Number parseNumber(const std::string& text, Number least, Number most) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool isNumber = error == std::errc() && end == text.data() + text.size();
  if (!isNumber || number < least || number > most)
    refuse("must be " + std::to_string(least) + ".." + std::to_string(most) + ", not " +
           quoted(text));
  return number;
}

constexpr std::uint32_t kMostVxlanId = (1U << 24U) - 1;

struct Field {
  std::string_view name;
  void (*set)(DaemonConfig&, const std::string&);
};

using Text = const std::string&;
constexpr std::array kFields = {
    Field{"nodeName", [](DaemonConfig& c, Text text) { c.nodeName = text; }},
    Field{"source", [](DaemonConfig& c, Text text) { c.source = parseSource(text); }},
    Field{"kubeconfig", [](DaemonConfig& c, Text text) { c.kubeconfig = parsePath(text); }},
    Field{"apiServers", [](DaemonConfig& c, Text text) { c.apiServers = parseServers(text); }},
    Field{"insecureSkipTlsVerify",
          [](DaemonConfig& c, Text text) { c.insecureSkipTlsVerify = parseBool(text); }},
    Field{"socket", [](DaemonConfig& c, Text text) { c.socket = parsePath(text); }},
    Field{"stateDir", [](DaemonConfig& c, Text text) { c.stateDir = parsePath(text); }},
    Field{"cniConfDir", [](DaemonConfig& c, Text text) { c.cniConfDir = parseOptionalPath(text); }},
    Field{"cniBinDir", [](DaemonConfig& c, Text text) { c.cniBinDir = parsePath(text); }},
    Field{"metricsListen",
          [](DaemonConfig& c, Text text) { c.metricsListen = parseMetricsListen(text); }},
    Field{"logLevel",
          [](DaemonConfig& c, Text text) {
            c.logLevel =
                known(base::parseLogLevel(text), text, "trace, debug, info, warn or error");
          }},
    Field{"logFormat",
          [](DaemonConfig& c, Text text) {
            c.logFormat = known(base::parseLogFormat(text), text, "text or json");
          }},
    Field{"podToNode", [](DaemonConfig& c, Text text) { c.podToNode = parsePodToNode(text); }},
    Field{"auditInterval",
          [](DaemonConfig& c, Text text) { c.auditInterval = parseAuditInterval(text); }},
    Field{"collectAfter",
          [](DaemonConfig& c, Text text) { c.collectAfter = parseCollectAfter(text); }},
    Field{"mtu", [](DaemonConfig& c, Text text) { c.mtu = parseMtu(text); }},
    Field{"routing", [](DaemonConfig& c, Text text) { c.routing = parseRouting(text); }},
    Field{"nodeIP", [](DaemonConfig& c, Text text) { c.nodeIps = parseNodeIps(text); }},
    Field{"clusterCIDRs", [](DaemonConfig& c, Text text) { c.clusterCidrs = parseCidrs(text); }},
    Field{"nodeCIDRs", [](DaemonConfig& c, Text text) { c.nodeCidrs = parseCidrs(text); }},
    Field{"vxlanId",
          [](DaemonConfig& c, Text text) {
            c.vxlanId = parseNumber<std::uint32_t>(text, 1, kMostVxlanId);
          }},
    Field{"vxlanPort", [](DaemonConfig& c,
                          Text text) { c.vxlanPort = parseNumber<std::uint16_t>(text, 1, 65535); }},
    Field{"masquerade", [](DaemonConfig& c, Text text) { c.masquerade = parseBool(text); }},
    Field{"nonMasqueradeCIDRs",
          [](DaemonConfig& c, Text text) { c.nonMasqueradeCidrs = parseCidrs(text); }},
    Field{"checkPodAddresses",
          [](DaemonConfig& c, Text text) { c.checkPodAddresses = parseBool(text); }},
    Field{"manageSysctls", [](DaemonConfig& c, Text text) { c.manageSysctls = parseBool(text); }},
    Field{"clearNetworkUnavailable",
          [](DaemonConfig& c, Text text) { c.clearNetworkUnavailable = parseBool(text); }},
    Field{"metadataGuard", [](DaemonConfig& c, Text text) { c.metadataGuard = parseBool(text); }},
    Field{"metadataAddresses",
          [](DaemonConfig& c, Text text) { c.metadataAddresses = parseAddresses(text); }},
    Field{"defaultPolicy",
          [](DaemonConfig& c, Text text) { c.defaultPolicy = parseDefaultPolicy(text); }},
    Field{"systemNamespaces",
          [](DaemonConfig& c, Text text) { c.systemNamespaces = parseNamespaces(text); }},
    Field{"established",
          [](DaemonConfig& c, Text text) { c.established = parseEstablished(text); }},
};

YAML::Node loadYaml(std::string_view yaml) {
  try {
    return YAML::Load(std::string(yaml));
  } catch (const YAML::Exception& error) {
    throw ConfigError("", std::string("not valid YAML: ") + error.what());
  }
}

// YAML reads an empty value (`metricsListen:`) as null.
std::string scalarOf(const std::string& field, const YAML::Node& value) {
  if (value.IsNull()) return {};
  if (!value.IsScalar()) throw ConfigError(field, "must be a single value");
  return value.Scalar();
}

void expectHeader(const std::string& field, const std::string& value, std::string_view wanted) {
  if (value != wanted)
    throw ConfigError(field, "must be " + std::string(wanted) + ", not " + quoted(value));
}

}  // namespace

std::string toString(const Source& source) {
  return source.kind == Source::Kind::Api ? "api"
                                          : std::string(kDirectoryPrefix) + source.directory;
}

std::string toString(const ListenAddress& listen) {
  const std::string host = toString(listen.address);
  return (listen.address.isV4() ? host : "[" + host + "]") + ":" + std::to_string(listen.port);
}

std::string cniConfDirOf(const DaemonConfig& config) {
  if (config.cniConfDir) return *config.cniConfDir;
  return config.source.kind == Source::Kind::Api ? "/etc/cni/net.d" : "";
}

const char* toString(Routing routing) {
  switch (routing) {
    case Routing::Auto: return "auto";
    case Routing::Direct: return "direct";
    case Routing::Vxlan: return "vxlan";
    case Routing::None: break;
  }
  return "none";
}

Routing routingOf(const DaemonConfig& config) {
  if (config.routing) return *config.routing;
  return config.source.kind == Source::Kind::Api ? Routing::Auto : Routing::None;
}

bool masqueradeOf(const DaemonConfig& config) {
  return config.masquerade.value_or(routingOf(config) != Routing::None);
}

bool checkPodAddressesOf(const DaemonConfig& config) {
  return config.checkPodAddresses.value_or(routingOf(config) != Routing::None);
}

std::vector<std::string_view> fieldNames() {
  std::vector<std::string_view> names;
  for (const auto& field : kFields) names.push_back(field.name);
  return names;
}

void setField(DaemonConfig& config, std::string_view field, const std::string& text) {
  const auto found =
      std::find_if(kFields.begin(), kFields.end(), [&](const Field& f) { return f.name == field; });
  if (found == kFields.end()) throw ConfigError(std::string(field), "unknown field");
  try {
    found->set(config, text);
  } catch (const ConfigError& error) {
    throw ConfigError(std::string(field), error.what());
  }
}

void readDaemonConfig(std::string_view yaml, DaemonConfig& config) {
  const YAML::Node root = loadYaml(yaml);
  if (!root.IsMap()) throw ConfigError("", "the configuration must be a YAML mapping");
  std::set<std::string> seen;
  for (const auto& entry : root) {
    if (!entry.first.IsScalar()) throw ConfigError("", "a field name must be a single word");
    const std::string field = entry.first.Scalar();
    if (!seen.insert(field).second) throw ConfigError(field, "given twice");
    const std::string value = scalarOf(field, entry.second);
    if (field == "apiVersion")
      expectHeader(field, value, kApiVersion);
    else if (field == "kind")
      expectHeader(field, value, kKind);
    else
      setField(config, field, value);
  }
  for (const char* required : {"apiVersion", "kind"})
    if (!seen.contains(required)) throw ConfigError(required, "is missing");
}

void checkDaemonConfig(const DaemonConfig& config) {
  if (config.source.kind == Source::Kind::Api) return;
  if (!config.kubeconfig.empty()) throw ConfigError("kubeconfig", "is used only with source api");
  if (!config.apiServers.empty()) throw ConfigError("apiServers", "is used only with source api");
}

}  // namespace kpol::conf
