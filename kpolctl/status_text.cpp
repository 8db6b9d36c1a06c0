// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/table.hpp"
#include "kpolctl/texts.hpp"

#include <nlohmann/json.hpp>

#include <map>
#include <string_view>

namespace kpol::kpolctl {
namespace {

std::string number(const Json& json, const char* field) {
  return std::to_string(json.at(field).get<std::uint64_t>());
}

std::string ageText(std::int64_t seconds) {
  if (seconds < 120) return std::to_string(seconds) + "s";
  if (seconds < 7200) return std::to_string(seconds / 60) + "m";
  if (seconds < 172800) return std::to_string(seconds / 3600) + "h";
  return std::to_string(seconds / 86400) + "d";
}

// An older kpold does not report it.
std::string heldText(const Json& table) {
  if (!table.contains("held")) return "";
  return table.at("held").get<bool>() ? " and held" : ", not held";
}

std::string tableLine(const Json& table) {
  if (textOf(table, "name").empty()) return "none yet";
  std::string line = "inet " + textOf(table, "name") + ", ";
  if (table.at("owned").get<bool>())
    line += std::string("owned by kpold") + heldText(table);
  else if (table.contains("foreignOwner"))
    line += "owned by another process (netlink port ID " + number(table, "foreignOwner") + ")";
  else
    line += "without an owner";
  return line + ": " + number(table, "chains") + " chains, " + number(table, "rules") + " rules, " +
         number(table, "sets") + " sets, " + number(table, "elements") + " elements";
}

std::string objectsLine(const Json& objects) {
  return number(objects, "pods") + " pods, " + number(objects, "namespaces") + " namespaces, " +
         number(objects, "networkPolicies") + " network policies, " + number(objects, "nodes") +
         " nodes";
}

std::string commitsLine(const Json& commits) {
  return number(commits, "total") + " commits, " + number(commits, "failures") + " failures, " +
         number(commits, "audits") + " audits, " + number(commits, "drifts") +
         " repairs after third-party changes";
}

// "cut when forbidden: 3 cut, 1 restored in 17 reviews".
std::string establishedLine(const Json& established) {
  if (textOf(established, "mode") == "keep") return "kept when forbidden";
  std::string line = "cut when forbidden: " + number(established, "cut") + " cut, " +
                     number(established, "restored") + " restored in " +
                     number(established, "reviews") + " reviews";
  if (established.at("failed").get<std::uint64_t>() > 0)
    line += ", " + number(established, "failed") + " failures";
  if (established.at("reviewPending").get<bool>()) line += ", a review is in progress";
  return line;
}

// "Pod watching at 4711", followed by the time of the last response in brackets if the watch fails.
std::string watchLine(const Json& watch, std::int64_t now) {
  std::string line = textOf(watch, "kind") + " " + textOf(watch, "state");
  if (const auto version = textOf(watch, "resourceVersion"); !version.empty())
    line += " at " + version;
  if (textOf(watch, "trouble").empty()) return line;
  const auto& heardAt = watch.at("heardAt");
  const std::string since =
      heardAt.is_null() ? "no response yet"
                        : "last response " + ageText(now - heardAt.get<std::int64_t>()) + " ago";
  return line + " (" + since + ")";
}

// "auto, MTU 1450; 3 pod CIDRs of other nodes: 2 direct, 1 vxlan".
std::string networkLine(const Json& network) {
  std::string line = textOf(network, "routing");
  if (network.at("mtu").get<std::uint64_t>() != 0) line += ", MTU " + number(network, "mtu");
  std::map<std::string, std::size_t> ways;
  for (const auto& peer : network.at("peers")) ++ways[textOf(peer, "how")];
  const auto count = network.at("peers").size();
  if (count == 0) return line;
  line += "; " + std::to_string(count) + " pod CIDRs of other nodes:";
  std::string_view separator = " ";
  for (const auto& [how, nodes] : ways) {
    line += separator;
    line += std::to_string(nodes) + " " + (how == "none" ? "unreachable" : how);
    separator = ", ";
  }
  return line;
}

// The file and whether it is written; refers to the diagnostics below if there is an error.
std::string cniConfigLine(const Json& cni) {
  const std::string line =
      textOf(cni, "file") + (cni.at("written").get<bool>() ? ", written" : ", not written");
  const bool isUsed = textOf(cni, "trouble").empty() && cni.value("shadowedBy", "").empty();
  return isUsed ? line : line + " (see below)";
}

}  // namespace

std::string statusLine(const Json& status) {
  if (!status.at("sourceSynced").get<bool>()) return "not ready: the source has not been read yet";
  const auto& fault = status.at("fault");
  if (!fault.is_null()) return "not in sync: " + textOf(fault, "message");
  if (!status.at("ready").get<bool>()) return "not ready: nothing is committed yet";
  if (!status.at("inSync").get<bool>()) return "not in sync: a commit is in progress";
  return "ready, in sync";
}

std::string diagnosticsText(const Json& diagnostics) {
  std::string all;
  for (const auto& diagnostic : diagnostics) {
    all += textOf(diagnostic, "severity") + ": ";
    for (const char* field : {"object", "field"})
      if (const auto part = textOf(diagnostic, field); !part.empty()) all += part + ": ";
    all += textOf(diagnostic, "message") + "\n";
  }
  return all;
}

std::string statusText(const Json& status, std::int64_t now) {
  Fields fields;
  fields.add("Status", statusLine(status));
  fields.add("Node", textOf(status, "node"));
  fields.add("Version", textOf(status, "version") + ", up " +
                            ageText(now - status.at("startedAt").get<std::int64_t>()));
  fields.add("Source", textOf(status, "source"));
  if (status.contains("watches")) {
    for (const auto& watch : status.at("watches")) fields.add("Watch", watchLine(watch, now));
  }
  fields.add("Objects", objectsLine(status.at("objects")));
  fields.add("Attachments", number(status, "attachments") + ", of which " +
                                number(status, "endpoints") + " enforced");
  if (const auto unattached = status.value("unattachedPods", 0U); unattached != 0)
    fields.add("Unattached",
               std::to_string(unattached) + " pods, to whose addresses policies apply (see below)");
  fields.add("Generation",
             number(status, "generation") + ", committed " + number(status, "committedGeneration"));
  fields.add("Table", tableLine(status.at("table")));
  fields.add("Kernel", commitsLine(status.at("commits")));
  if (status.contains("established"))
    fields.add("Connections", establishedLine(status.at("established")));
  if (status.contains("network")) fields.add("Network", networkLine(status.at("network")));
  if (status.contains("cniConfig") && !status.at("cniConfig").is_null())
    fields.add("CNI config", cniConfigLine(status.at("cniConfig")));
  if (status.contains("hostFirewalls") && !status.at("hostFirewalls").empty())
    fields.add("Host firewall", "third-party filters that drop packets of pods: " +
                                    std::to_string(status.at("hostFirewalls").size()) +
                                    " (see below)");
  std::string all = fields.print();
  const auto& diagnostics = status.at("diagnostics");
  if (!diagnostics.empty()) all += "\n" + diagnosticsText(diagnostics);
  return all;
}

}  // namespace kpol::kpolctl
