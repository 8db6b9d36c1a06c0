// SPDX-License-Identifier: Apache-2.0
#include "conf/port_mappings.hpp"

#include <algorithm>
#include <cctype>

namespace kpol::conf {
namespace {

constexpr IntegerBounds kPorts{1, 65535};

std::uint16_t requiredPort(const JsonObject& mapping, std::string_view key) {
  const auto port = mapping.integer(key, kPorts);
  if (!port) throw ConfigError(mapping.pathOf(key), "must be given");
  return static_cast<std::uint16_t>(*port);
}

base::Protocol protocolOf(const JsonObject& mapping) {
  auto text = mapping.optionalString("protocol").value_or("tcp");
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const auto protocol = base::parseProtocol(text.empty() ? "TCP" : text);
  if (!protocol)
    refuse(mapping.pathOf("protocol"), "\"tcp\", \"udp\" or \"sctp\"", *mapping.find("protocol"));
  return *protocol;
}

std::optional<base::IpAddress> hostIpOf(const JsonObject& mapping) {
  if (mapping.optionalString("hostIP").value_or("").empty()) return std::nullopt;
  static const auto kLoopback6 = *base::IpAddress::parse("::1");
  const auto address = mapping.address("hostIP");
  if (address == kLoopback6)
    throw ConfigError(mapping.pathOf("hostIP"),
                      "must not be ::1: Linux drops the pod's replies to it; use 127.0.0.1");
  return address;
}

}  // namespace

std::vector<base::HostPort> readPortMappings(const JsonObject& object, std::string_view key) {
  std::vector<base::HostPort> ports;
  object.each(key, [&](const Json& element, const std::string& path) {
    const JsonObject mapping(element, path);
    const base::HostPort port{protocolOf(mapping), requiredPort(mapping, "hostPort"),
                              hostIpOf(mapping), requiredPort(mapping, "containerPort")};
    const auto other = std::find_if(ports.begin(), ports.end(), [&](const base::HostPort& known) {
      return known != port && overlap(known, port);
    });
    if (other != ports.end())
      throw ConfigError(path, "maps " + toString(port) + ", which is already mapped to port " +
                                  std::to_string(other->containerPort) + " already");
    ports.push_back(port);
  });
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
  return ports;
}

Json toJson(const std::vector<base::HostPort>& ports) {
  Json array = Json::array();
  for (const auto& port : ports) {
    Json mapping{{"protocol", toString(port.protocol)},
                 {"hostPort", port.hostPort},
                 {"containerPort", port.containerPort}};
    if (port.hostIp) mapping["hostIP"] = toString(*port.hostIp);
    array.push_back(std::move(mapping));
  }
  return array;
}

}  // namespace kpol::conf
