// SPDX-License-Identifier: Apache-2.0
#include "conf/cni_env.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace kpol::conf {
namespace {

constexpr std::array<std::string_view, 6> kCommands{"ADD", "DEL",    "CHECK",
                                                    "GC",  "STATUS", "VERSION"};

CniCommand parseCommand(const std::optional<std::string>& text) {
  const auto* found = text ? std::find(kCommands.begin(), kCommands.end(), *text) : kCommands.end();
  if (found == kCommands.end())
    throw EnvError("CNI_COMMAND must be one of ADD, DEL, CHECK, GC, STATUS, VERSION, not \"" +
                   text.value_or("") + "\"; kpol is run by a container runtime");
  return static_cast<CniCommand>(found - kCommands.begin());
}

// The errors do not repeat the text.
void refuseLonger(std::string_view what, std::string_view text, std::size_t most) {
  if (text.size() > most)
    throw EnvError(std::string(what) + " must have at most " + std::to_string(most) +
                   " bytes, not " + std::to_string(text.size()));
}

// An attachment's file name, at most 255 bytes, contains the container ID and the interface name.
constexpr std::size_t kLongestContainerId = 200;
constexpr std::size_t kLongestPath = 4095;       // PATH_MAX without the terminating byte
constexpr std::size_t kLongestObjectName = 253;  // of Kubernetes, a DNS subdomain
constexpr std::size_t kLongestArgs = 16384;

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) parts.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

// The commands that need each variable (CNI specification, "Parameters").
struct Variable {
  const char* name;
  std::string_view neededBy;  // first letters of the commands; VERSION needs none
};
constexpr std::array kVariables{Variable{"CNI_CONTAINERID", "ADC"}, Variable{"CNI_NETNS", "AC"},
                                Variable{"CNI_IFNAME", "ADC"}, Variable{"CNI_PATH", "ADCGS"}};

void refuseMissing(CniCommand command, const EnvLookup& lookup) {
  std::string missing;
  for (const auto& variable : kVariables) {
    const bool needed = variable.neededBy.find(toString(command).front()) != std::string_view::npos;
    if (!needed || !lookup(variable.name).value_or("").empty()) continue;
    if (!missing.empty()) missing += ", ";
    missing += variable.name;
  }
  if (!missing.empty())
    throw EnvError("missing from the environment for " + std::string(toString(command)) + ": " +
                   missing);
}

// The specification: "must start with an alphanumeric character, optionally followed by any
// combination of one or more alphanumeric characters, underscore, dot or hyphen".
bool isContainerId(std::string_view text) {
  const auto isAlphanumeric = [](char c) {
    return ('0' <= c && c <= '9') || ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z');
  };
  return !text.empty() && isAlphanumeric(text.front()) &&
         std::all_of(text.begin(), text.end(),
                     [&](char c) { return isAlphanumeric(c) || c == '_' || c == '.' || c == '-'; });
}

// Accepts the same values as types.UnmarshallableBool of the reference implementation.
bool parseBool(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (lower == "1" || lower == "true") return true;
  if (lower == "0" || lower == "false") return false;
  throw EnvError("CNI_ARGS: IgnoreUnknown must be true or false, not \"" + std::string(text) +
                 "\"");
}

// Checks that the value is one word without '/', because files and paths contain these names and
// UIDs.
std::string word(std::string_view key, std::string_view value) {
  refuseLonger("CNI_ARGS: " + std::string(key), value, kLongestObjectName);
  const bool plain = std::all_of(value.begin(), value.end(),
                                 [](char c) { return c > ' ' && c < 0x7f && c != '/'; });
  if (!plain)
    throw EnvError("CNI_ARGS: " + std::string(key) + " must be a Kubernetes name, not \"" +
                   std::string(value) + "\"");
  return std::string(value);
}

std::vector<base::IpAddress> parseIps(std::string_view text) {
  std::vector<base::IpAddress> ips;
  for (const auto part : split(text, ',')) {
    const auto address = base::IpAddress::parse(part.substr(0, part.find('/')));
    if (!address)
      throw EnvError("CNI_ARGS: IP must be an IP address, not \"" + std::string(part) + "\"");
    ips.push_back(*address);
  }
  return ips;
}

base::MacAddress parseMac(std::string_view text) {
  const auto mac = base::MacAddress::parse(text);
  if (!mac || !isUsable(*mac))
    throw EnvError("CNI_ARGS: MAC must be a unicast MAC address, not \"" + std::string(text) +
                   "\"");
  return *mac;
}

CniArgs parseArgs(std::string_view text) {
  refuseLonger("CNI_ARGS", text, kLongestArgs);
  CniArgs args;
  bool ignoreUnknown = false;
  std::string unknown;
  for (const auto pair : split(text, ';')) {
    const std::size_t equals = pair.find('=');
    if (equals == pair.npos || pair.find('=', equals + 1) != pair.npos)
      throw EnvError("CNI_ARGS: \"" + std::string(pair) + "\" is not KEY=VALUE");
    const auto key = pair.substr(0, equals);
    const auto value = pair.substr(equals + 1);
    if (key == "K8S_POD_NAMESPACE")
      args.pod.ns = word(key, value);
    else if (key == "K8S_POD_NAME")
      args.pod.name = word(key, value);
    else if (key == "K8S_POD_UID")
      args.podUid = word(key, value);
    else if (key == "IP")
      args.ips = parseIps(value);
    else if (key == "MAC")
      args.mac = parseMac(value);
    else if (key == "IgnoreUnknown")
      ignoreUnknown = parseBool(value);
    else if (key != "K8S_POD_INFRA_CONTAINER_ID")
      unknown += " " + std::string(key);
  }
  if (!unknown.empty() && !ignoreUnknown)
    throw EnvError("CNI_ARGS: unknown keys without IgnoreUnknown=1:" + unknown);
  return args;
}

CniArgs argsFor(CniCommand command, const std::string& text) {
  try {
    return parseArgs(text);
  } catch (const EnvError&) {
    if (command == CniCommand::Del) return {};
    throw;
  }
}

}  // namespace

std::string_view toString(CniCommand command) {
  return kCommands.at(static_cast<std::size_t>(command));
}

CniEnv parseCniEnv(const EnvLookup& lookup) {
  CniEnv env;
  env.command = parseCommand(lookup("CNI_COMMAND"));
  refuseMissing(env.command, lookup);
  env.containerId = lookup("CNI_CONTAINERID").value_or("");
  refuseLonger("CNI_CONTAINERID", env.containerId, kLongestContainerId);
  if (!env.containerId.empty() && !isContainerId(env.containerId))
    throw EnvError("CNI_CONTAINERID must be letters, digits, '_', '.' and '-', not \"" +
                   env.containerId + "\"");
  env.netns = lookup("CNI_NETNS").value_or("");
  refuseLonger("CNI_NETNS", env.netns, kLongestPath);
  if (const auto ifName = lookup("CNI_IFNAME").value_or(""); !ifName.empty()) {
    refuseLonger("CNI_IFNAME", ifName, kLongestObjectName);
    env.ifName = base::IfName::parse(ifName);
    if (!env.ifName)
      throw EnvError("CNI_IFNAME must be an interface name of at most 15 bytes, not \"" + ifName +
                     "\"");
  }
  env.args = argsFor(env.command, lookup("CNI_ARGS").value_or(""));
  const auto path = lookup("CNI_PATH").value_or("");
  for (const auto directory : split(path, ':')) env.path.emplace_back(directory);
  return env;
}

}  // namespace kpol::conf
