// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/table.hpp"
#include "kpolctl/texts.hpp"

#include <nlohmann/json.hpp>

namespace kpol::kpolctl {
namespace {

std::string protocolText(std::uint64_t number) {
  switch (number) {
    case 1: return "ICMP";
    case 6: return "TCP";
    case 17: return "UDP";
    case 58: return "ICMPv6";
    case 132: return "SCTP";
    default: return "protocol " + std::to_string(number);
  }
}

std::string flowText(const Json& answer) {
  std::string text = textOf(answer, "from") + " to " + textOf(answer, "to") + ", " +
                     protocolText(answer.at("protocol").get<std::uint64_t>());
  const auto port = answer.at("port").get<std::uint64_t>();
  return port == 0 ? text : text + " " + std::to_string(port);
}

Texts directionLines(const Json& verdict, const char* direction) {
  if (!verdict.at("isolated").get<bool>()) return {"open: no policy isolates it"};
  Texts lines{"isolated by " + joined(verdict.at("policies").get<Texts>())};
  if (verdict.contains("allowedBy"))
    lines.push_back("allowed by " + textOf(verdict, "allowedBy") + ", " + direction + "[" +
                    std::to_string(verdict.at("rule").get<std::uint64_t>()) + "]");
  else
    lines.emplace_back("no rule allows it");
  return lines;
}

}  // namespace

std::string explainText(const Json& answer) {
  const bool allowed = answer.at("allowed").get<bool>();
  std::string all = std::string(allowed ? "allowed" : "denied") + ": " + flowText(answer) + "\n";
  for (const auto& flow : answer.at("flows")) {
    Fields fields;
    const bool flowAllowed = flow.at("allowed").get<bool>();
    fields.add("flow", textOf(flow, "source") + " to " + textOf(flow, "destination") + ": " +
                           (flowAllowed ? "allowed" : "denied"));
    if (flow.contains("hostPortOf"))
      fields.add("host port",
                 "leads to " + textOf(flow.at("hostPortOf"), "address") + " port " +
                     std::to_string(flow.at("hostPortOf").at("port").get<std::uint64_t>()));
    if (flow.contains("guard"))
      fields.add("guard", "pods may not reach the cloud's metadata service (metadataGuard)");
    if (flow.at("exempt").get<bool>())
      fields.add("exempt", "traffic of a pod with itself or its own node");
    fields.add("egress", directionLines(flow.at("egress"), "egress"));
    fields.add("ingress", directionLines(flow.at("ingress"), "ingress"));
    all += "\n" + fields.print();
  }
  return all;
}

}  // namespace kpol::kpolctl
