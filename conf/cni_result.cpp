// SPDX-License-Identifier: Apache-2.0
#include "conf/cni_result.hpp"

#include "conf/cni_result_json.hpp"

#include <array>
#include <charconv>

namespace kpol::conf {
namespace {

constexpr IntegerBounds kMtuBounds{0, 0x7fffffff};

// The fields of routes since 1.1.0.
struct RouteNumber {
  const char* key;
  std::optional<std::uint32_t> CniRoute::*field;
  std::int64_t most;
};
constexpr std::array kRouteNumbers{RouteNumber{"mtu", &CniRoute::mtu, 0x7fffffff},
                                   RouteNumber{"advmss", &CniRoute::advmss, 0x7fffffff},
                                   RouteNumber{"priority", &CniRoute::priority, 0xffffffff},
                                   RouteNumber{"table", &CniRoute::table, 0xffffffff},
                                   RouteNumber{"scope", &CniRoute::scope, 255}};

CniInterface readInterface(const JsonObject& object) {
  CniInterface interface;
  interface.name = object.string("name");
  interface.mac = object.optionalString("mac").value_or("");
  interface.mtu = static_cast<std::uint32_t>(object.integer("mtu", kMtuBounds).value_or(0));
  interface.sandbox = object.optionalString("sandbox").value_or("");
  return interface;
}

// Reads an IP such as "10.1.2.3/24": an address with the prefix length of its subnet.
CniIp readIp(const JsonObject& object, std::size_t interfaces) {
  const std::string text = object.string("address");
  const std::size_t slash = text.find('/');
  const auto address = base::IpAddress::parse(std::string_view(text).substr(0, slash));
  unsigned length = 129;
  if (slash != text.npos) {
    const char* end = text.data() + text.size();
    const auto [stop, failed] = std::from_chars(text.data() + slash + 1, end, length);
    if (failed != std::errc{} || stop != end) length = 129;
  }
  if (!address || length > address->bits())
    refuse(object.pathOf("address"), "an address with its prefix length", Json(text));

  CniIp ip{*address, length, object.address("gateway"), std::nullopt};
  if (interfaces == 0) return ip;  // results of IPAM plugins have no interfaces
  const auto most = static_cast<std::int64_t>(interfaces) - 1;
  if (const auto index = object.integer("interface", {0, most}))
    ip.interface = static_cast<std::size_t>(*index);
  return ip;
}

CniRoute readRoute(const JsonObject& object) {
  const auto text = object.string("dst");
  const auto destination = base::Prefix::parseSloppy(text);
  if (!destination) refuse(object.pathOf("dst"), "a subnet", Json(text));
  CniRoute route{*destination, object.address("gw")};
  for (const auto& number : kRouteNumbers)
    if (const auto value = object.integer(number.key, {0, number.most}))
      route.*number.field = static_cast<std::uint32_t>(*value);
  return route;
}

Json printInterface(const CniInterface& interface, CniVersion version) {
  Json json{{"name", interface.name}};
  if (!interface.mac.empty()) json["mac"] = interface.mac;
  if (version >= CniVersion::V1_1_0 && interface.mtu != 0) json["mtu"] = interface.mtu;
  if (!interface.sandbox.empty()) json["sandbox"] = interface.sandbox;
  return json;
}

Json printIp(const CniIp& ip, CniVersion version) {
  Json json{{"address", toString(ip.address) + "/" + std::to_string(ip.prefixLength)}};
  if (version < CniVersion::V1_0_0) json["version"] = ip.address.isV4() ? "4" : "6";
  if (ip.gateway) json["gateway"] = toString(*ip.gateway);
  if (ip.interface) json["interface"] = *ip.interface;
  return json;
}

Json printRoute(const CniRoute& route, CniVersion version) {
  Json json{{"dst", toString(route.destination)}};
  if (route.gateway) json["gw"] = toString(*route.gateway);
  if (version < CniVersion::V1_1_0) return json;
  for (const auto& number : kRouteNumbers)
    if (const auto& value = route.*number.field) json[number.key] = *value;
  return json;
}

Json printDns(const CniDns& dns) {
  Json json = Json::object();
  if (!dns.nameservers.empty()) json["nameservers"] = dns.nameservers;
  if (!dns.domain.empty()) json["domain"] = dns.domain;
  if (!dns.search.empty()) json["search"] = dns.search;
  if (!dns.options.empty()) json["options"] = dns.options;
  return json;
}

}  // namespace

CniDns readDns(const JsonObject& dns) {
  return {dns.strings("nameservers"), dns.optionalString("domain").value_or(""),
          dns.strings("search"), dns.strings("options")};
}

CniResult readResult(const JsonObject& object) {
  CniResult result;
  object.each("interfaces", [&](const Json& element, const std::string& path) {
    result.interfaces.push_back(readInterface(JsonObject(element, path)));
  });
  object.each("ips", [&](const Json& element, const std::string& path) {
    result.ips.push_back(readIp(JsonObject(element, path), result.interfaces.size()));
  });
  object.each("routes", [&](const Json& element, const std::string& path) {
    result.routes.push_back(readRoute(JsonObject(element, path)));
  });
  if (const auto dns = object.object("dns")) result.dns = readDns(*dns);
  return result;
}

std::string print(const CniResult& result, CniVersion version) {
  Json json{{"cniVersion", toString(version)},
            {"interfaces", Json::array()},
            {"ips", Json::array()},
            {"routes", Json::array()},
            {"dns", printDns(result.dns)}};
  for (const auto& interface : result.interfaces)
    json["interfaces"].push_back(printInterface(interface, version));
  for (const auto& ip : result.ips) json["ips"].push_back(printIp(ip, version));
  for (const auto& route : result.routes) json["routes"].push_back(printRoute(route, version));
  return json.dump();
}

CniResult parseResult(std::string_view json, const std::string& field) {
  const Json parsed = parseJson(json, field);
  return readResult(JsonObject(parsed, field));
}

std::string passThrough(std::string_view resultJson, CniVersion version) {
  Json json = parseJson(resultJson, "result");
  json["cniVersion"] = toString(version);
  return json.dump();
}

}  // namespace kpol::conf
