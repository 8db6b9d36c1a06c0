// SPDX-License-Identifier: Apache-2.0
#include "conf/network_config.hpp"

#include "conf/cni_result_json.hpp"
#include "conf/ip_ranges_json.hpp"
#include "conf/json_object.hpp"
#include "conf/port_mappings.hpp"

#include <algorithm>

namespace kpol::conf {
namespace {

// The minimum MTU of IPv4 (RFC 791), and the maximum of veth (ETH_MAX_MTU).
constexpr IntegerBounds kConfiguredMtuBounds{68, 65535};
constexpr IntegerBounds kTimeoutBounds{1, 600};

// A network's name is part of link aliases and of lines of the lease journal.
constexpr std::size_t kLongestName = 255;

std::string readName(const JsonObject& config) {
  auto name = config.string("name");
  if (name.size() > kLongestName)
    throw ConfigError("name", "must have at most " + std::to_string(kLongestName) + " bytes, not " +
                                  std::to_string(name.size()));
  const auto isAlphanumeric = [](char c) {
    return ('0' <= c && c <= '9') || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z');
  };
  const bool valid =
      isAlphanumeric(name.front()) && std::all_of(name.begin(), name.end(), [&](char c) {
        return isAlphanumeric(c) || c == '_' || c == '.' || c == '-';
      });
  if (!valid) refuse("name", "letters, digits, '_', '.' and '-'", Json(name));
  return name;
}

std::string readPath(const JsonObject& config, std::string_view key, std::string otherwise) {
  auto path = config.optionalString(key).value_or(std::move(otherwise));
  if (path.empty() || path.front() != '/') refuse(config.pathOf(key), "an absolute path", path);
  return path;
}

PolicyMode readPolicy(const JsonObject& config) {
  const auto text = config.optionalString("policy").value_or("required");
  if (text == "required") return PolicyMode::Required;
  if (text == "none") return PolicyMode::None;
  refuse("policy", "\"required\" or \"none\"", Json(text));
}

IpamConfig readIpam(const JsonObject& config) {
  const auto object = config.object("ipam");
  if (!object) return {};
  IpamConfig ipam;
  ipam.type = object->optionalString("type").value_or("");
  // The type is the name of a program to run, which must be in CNI_PATH.
  if (ipam.type.find('/') != std::string::npos)
    refuse("ipam.type", "the name of an IPAM plugin", Json(ipam.type));
  if (ipam.type == "kpol") ipam.ranges = readRanges(*object);
  return ipam;
}

// Adds the addresses in the field "ips" of `object`, with or without a prefix length.
void addIps(const std::optional<JsonObject>& object, std::vector<base::IpAddress>& ips) {
  if (!object) return;
  object->each("ips", [&](const Json& element, const std::string& path) {
    const auto text = stringAt(element, path);
    const auto address = base::IpAddress::parse(std::string_view(text).substr(0, text.find('/')));
    if (!address) refuse(path, "an IP address", element);
    ips.push_back(*address);
  });
}

// The capability "ips", and the older convention args.cni.ips (CNI's CONVENTIONS.md).
std::vector<base::IpAddress> readRequestedIps(const JsonObject& config) {
  std::vector<base::IpAddress> ips;
  addIps(config.object("runtimeConfig"), ips);
  if (const auto args = config.object("args")) addIps(args->object("cni"), ips);
  return ips;
}

std::vector<base::HostPort> readHostPorts(const JsonObject& config) {
  const auto runtime = config.object("runtimeConfig");
  return runtime ? readPortMappings(*runtime, "portMappings") : std::vector<base::HostPort>{};
}

// A direction without rate and burst is not limited. The kernel counts in bytes per second, so the
// smallest rate is 8 bits per second.
constexpr IntegerBounds kRateBounds{0, INT64_MAX};
constexpr IntegerBounds kBurstBounds{0, std::int64_t{8} * UINT32_MAX - 1};
constexpr std::int64_t kLeastRate = 8;

std::optional<RateLimit> readRateLimit(const JsonObject& bandwidth, const std::string& direction) {
  const auto rate = bandwidth.integer(direction + "Rate", kRateBounds).value_or(0);
  const auto burst = bandwidth.integer(direction + "Burst", kBurstBounds).value_or(0);
  if (rate == 0 && burst == 0) return std::nullopt;
  if (rate < kLeastRate)
    throw ConfigError(bandwidth.pathOf(direction + "Rate"),
                      "must be at least 8 (bits per second), or 0 together with " + direction +
                          "Burst for no limit");
  if (burst == 0)
    throw ConfigError(bandwidth.pathOf(direction + "Burst"),
                      "must be greater than 0 if " + direction + "Rate is set");
  return RateLimit{static_cast<std::uint64_t>(rate), static_cast<std::uint64_t>(burst)};
}

Bandwidth readBandwidth(const JsonObject& config) {
  const auto runtime = config.object("runtimeConfig");
  const auto bandwidth = runtime ? runtime->object("bandwidth") : std::nullopt;
  if (!bandwidth) return {};
  return {readRateLimit(*bandwidth, "ingress"), readRateLimit(*bandwidth, "egress")};
}

// The capability "mac".
std::optional<base::MacAddress> readMac(const JsonObject& config) {
  const auto runtime = config.object("runtimeConfig");
  const auto text = runtime ? runtime->optionalString("mac").value_or("") : "";
  if (text.empty()) return std::nullopt;
  const auto mac = base::MacAddress::parse(text);
  if (!mac || !isUsable(*mac)) refuse(runtime->pathOf("mac"), "a unicast MAC address", Json(text));
  return mac;
}

std::optional<PrevResult> readPrevResult(const JsonObject& config) {
  const auto object = config.object("prevResult");
  if (!object) return std::nullopt;
  return PrevResult{readResult(*object), config.find("prevResult")->dump()};
}

std::optional<std::vector<AttachmentId>> readValidAttachments(const JsonObject& config) {
  // An early draft of the specification used the second name, and libcni sends both
  // (containernetworking/cni issue 1101).
  for (const std::string_view key : {"cni.dev/valid-attachments", "cni.dev/attachments"}) {
    if (config.find(key) == nullptr) continue;
    std::vector<AttachmentId> valid;
    config.each(key, [&](const Json& element, const std::string& path) {
      const JsonObject attachment(element, path);
      valid.push_back({attachment.string("containerID"), attachment.string("ifname")});
    });
    return valid;
  }
  return std::nullopt;
}

void readForOnePod(const JsonObject& object, NetworkConfig& config) {
  config.requestedIps = readRequestedIps(object);
  config.hostPorts = readHostPorts(object);
  config.mac = readMac(object);
  config.bandwidth = readBandwidth(object);
}

}  // namespace

NetworkConfig parseNetworkConfig(std::string_view json, RuntimeConfig runtime) {
  const Json parsed = parseJson(json, "network config");
  const JsonObject object(parsed);
  NetworkConfig config;
  config.version = versionOf(object);
  config.name = readName(object);
  config.mtu = static_cast<std::uint32_t>(object.integer("mtu", kConfiguredMtuBounds).value_or(0));
  config.ipam = readIpam(object);
  config.stateDir = readPath(object, "stateDir", std::move(config.stateDir));
  config.socket = readPath(object, "socket", std::move(config.socket));
  config.policy = readPolicy(object);
  if (const auto seconds = object.integer("policyTimeout", kTimeoutBounds))
    config.policyTimeout = std::chrono::seconds(*seconds);
  if (const auto dns = object.object("dns")) config.dns = readDns(*dns);
  if (runtime == RuntimeConfig::Read) readForOnePod(object, config);
  config.prevResult = readPrevResult(object);
  config.validAttachments = readValidAttachments(object);
  return config;
}

}  // namespace kpol::conf
