// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/table.hpp"
#include "kpolctl/texts.hpp"

#include <nlohmann/json.hpp>

namespace kpol::kpolctl {
namespace {

std::string keyOf(const Json& json) {
  return textOf(json, "namespace") + "/" + textOf(json, "name");
}

Texts labelLines(const Json& labels) {
  Texts lines;
  for (const auto& [key, value] : labels.items())
    lines.push_back(key + "=" + value.get<std::string>());
  return lines;
}

Texts interfaceLines(const Json& interfaces) {
  Texts lines;
  for (const auto& interface : interfaces) {
    std::string line = textOf(interface, "hostInterface") + ": " + textOf(interface, "ifName") +
                       " of container " + textOf(interface, "containerID") + ", " +
                       joined(interface.at("ips").get<Texts>());
    if (!interface.at("enforced").get<bool>())
      line += " (of an earlier pod of this name: not programmed)";
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string isolationLine(const Json& policies) {
  if (policies.empty()) return "open";
  return "isolated by " + joined(policies.get<Texts>());
}

void addRules(const Json& policy, const char* direction, const char* peerWord, std::string& all) {
  if (!policy.contains(direction)) return;
  const auto& rules = policy.at(direction);
  if (rules.empty()) all += std::string("\n") + direction + ": nothing is allowed\n";
  for (std::size_t i = 0; i < rules.size(); ++i) {
    Fields fields;
    fields.add(std::string("  ") + peerWord, rules[i].at("peers").get<Texts>());
    fields.add("  port", rules[i].at("ports").get<Texts>());
    all += "\n" + std::string(direction) + "[" + std::to_string(i) + "] allows\n" + fields.print();
  }
}

}  // namespace

std::string podText(const Json& pod) {
  Fields fields;
  fields.add("Pod", keyOf(pod));
  fields.add("UID", textOf(pod, "uid"));
  fields.add("Node", textOf(pod, "node"));
  fields.add("Phase", textOf(pod, "phase"));
  fields.add("Labels", labelLines(pod.at("labels")));
  if (pod.at("hostNetwork").get<bool>()) {
    fields.add("Network", "the node's own (hostNetwork): no policy applies to it");
    return fields.print();
  }
  fields.add("Addresses", pod.at("ips").get<Texts>());
  if (const auto ports = pod.value("hostPorts", Texts{}); !ports.empty())
    fields.add("Host ports", ports);
  fields.add("Interfaces", interfaceLines(pod.at("interfaces")));
  fields.add("Ingress", isolationLine(pod.at("ingressPolicies")));
  fields.add("Egress", isolationLine(pod.at("egressPolicies")));
  fields.add("Chains", pod.at("chains").get<Texts>());
  return fields.print();
}

std::string policyText(const Json& policy) {
  Fields fields;
  fields.add("Policy", keyOf(policy));
  fields.add("Selects", "pods " + textOf(policy, "podSelector"));
  fields.add("Isolates", joined(policy.at("isolates").get<Texts>()));
  fields.add("Local pods", policy.at("localPods").get<Texts>());
  fields.add("Sets", policy.at("sets").get<Texts>());
  std::string all = fields.print();
  addRules(policy, "ingress", "from", all);
  addRules(policy, "egress", "to", all);
  return all;
}

}  // namespace kpol::kpolctl
