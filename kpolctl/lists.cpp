// SPDX-License-Identifier: Apache-2.0
#include "kpolctl/table.hpp"
#include "kpolctl/texts.hpp"

#include <nlohmann/json.hpp>

namespace kpol::kpolctl {
namespace {

// If there are more policies than this, only their number is printed.
constexpr std::size_t kNamed = 2;

// Returns "open", "allow-web, deny-all" or "5 policies", without namespaces, because all policies
// of a pod are in its namespace.
std::string isolation(const Json& policies) {
  if (policies.empty()) return "open";
  if (policies.size() > kNamed) return std::to_string(policies.size()) + " policies";
  Texts names;
  for (const auto& policy : policies) {
    const auto key = policy.get<std::string>();
    names.push_back(key.substr(key.find('/') + 1));
  }
  return joined(names);
}

template <class Wanted>
std::string podTable(const Json& pods, const char* whenEmpty, Wanted wanted) {
  Table table(
      {"NAMESPACE", "NAME", "PHASE", "LOCAL", "ADDRESSES", "INGRESS", "EGRESS", "HOST-PORTS"});
  for (const auto& pod : pods.at("items")) {
    if (!wanted(pod)) continue;
    const bool isHost = pod.at("hostNetwork").get<bool>();
    const auto shown = [&](const char* field) {
      return isHost ? std::string("host") : isolation(pod.at(field));
    };
    table.add({textOf(pod, "namespace"), textOf(pod, "name"), textOf(pod, "phase"),
               pod.at("local").get<bool>() ? "yes" : "no", joined(pod.at("ips").get<Texts>()),
               shown("ingressPolicies"), shown("egressPolicies"),
               joined(pod.value("hostPorts", Texts{}))});
  }
  return table.print(whenEmpty);
}

}  // namespace

std::string policiesText(const Json& policies) {
  Table table({"NAMESPACE", "NAME", "POD-SELECTOR", "ISOLATES", "LOCAL-PODS"});
  for (const auto& policy : policies.at("items"))
    table.add({textOf(policy, "namespace"), textOf(policy, "name"), textOf(policy, "podSelector"),
               joined(policy.at("isolates").get<Texts>()),
               std::to_string(policy.at("localPods").size())});
  return table.print("No network policies.");
}

std::string podsText(const Json& pods) {
  return podTable(pods, "No pods.", [](const Json&) { return true; });
}

std::string localPodsText(const Json& pods) {
  return podTable(pods, "No pods on this node.",
                  [](const Json& pod) { return pod.at("local").get<bool>(); });
}

std::string setsText(const Json& sets) {
  Table table({"NAME", "KIND", "TYPE", "SIZE", "ELEMENTS", "COMMENT"});
  for (const auto& set : sets.at("items")) {
    const auto& size = set.at("size");
    table.add({textOf(set, "name"), textOf(set, "kind"),
               textOf(set, "type") + (set.at("interval").get<bool>() ? " (interval)" : ""),
               size.is_null() ? "" : std::to_string(size.get<std::uint64_t>()),
               std::to_string(set.at("elements").size()), textOf(set, "comment")});
  }
  return table.print("No sets.");
}

std::string rulesetText(const Json& ruleset) {
  const auto table = textOf(ruleset, "text");
  return table.empty() ? "No table yet.\n" : table;
}

}  // namespace kpol::kpolctl
