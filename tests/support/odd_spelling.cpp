// SPDX-License-Identifier: Apache-2.0
#include "tests/support/odd_spelling.hpp"

#include "tests/support/manifest_text.hpp"

#include <nlohmann/json.hpp>

namespace kpol::test {
namespace {

using nlohmann::json;

class Speller {
 public:
  explicit Speller(Random& random) : random_(random) {}

  void respell(json& spec) {
    respellSelector(spec.at("podSelector"));
    if (spec.at("podSelector").empty() && coin()) spec.erase("podSelector");
    addEmptyList(spec, "policyTypes");
    respellRules(spec, "ingress", "from");
    respellRules(spec, "egress", "to");
  }

 private:
  bool coin() { return random_.oneIn(2); }

  void addEmptyList(json& object, const char* name) {
    if (object.contains(name) || !coin()) return;
    object[name] = coin() ? json::array() : json(nullptr);
  }

  void respellRules(json& spec, const char* name, const char* peers) {
    addEmptyList(spec, name);
    if (!spec.contains(name) || spec[name].is_null()) return;
    for (json& rule : spec[name]) {
      addEmptyList(rule, peers);
      addEmptyList(rule, "ports");
      if (!rule.value(peers, json()).is_null()) {
        for (json& peer : rule[peers]) respellPeer(peer);
      }
      if (!rule.value("ports", json()).is_null()) {
        for (json& port : rule["ports"]) respellPort(port);
      }
    }
  }

  void respellSelector(json& selector) {
    if (!selector.contains("matchLabels") && coin()) selector["matchLabels"] = json::object();
    addEmptyList(selector, "matchExpressions");
  }

  void respellPeer(json& peer) {
    for (const char* name : {"podSelector", "namespaceSelector"}) {
      if (peer.contains(name)) respellSelector(peer[name]);
    }
    if (!peer.contains("ipBlock")) return;
    json& block = peer["ipBlock"];
    block["cidr"] = respelledCidr(block["cidr"].get<std::string>());
    addEmptyList(block, "except");
    if (block.value("except", json()).is_null()) return;
    json excepts = json::array();
    for (const json& except : block["except"]) {
      const auto text = respelledCidr(except.get<std::string>());
      excepts.insert(coin() ? excepts.begin() : excepts.end(), text);
    }
    block["except"] = excepts;
  }

  // Host bits, and zeros before the length and the parts of IPv4 addresses.
  std::string respelledCidr(const std::string& text) {
    const auto prefix = *base::Prefix::parse(text);
    std::string address = toString(coin() ? prefix.last() : prefix.first());
    if (prefix.address().isV4() && coin()) address = "0" + address;
    return address + (coin() ? "/" : "/0") + std::to_string(prefix.length());
  }

  void respellPort(json& port) {
    if (port["protocol"] == "TCP" && coin()) port.erase("protocol");
    const bool isNumber = port.contains("port") && port["port"].is_number();
    if (isNumber && !port.contains("endPort") && coin()) port["endPort"] = port["port"];
  }

  Random& random_;
};

}  // namespace

std::string oddlySpelled(Random& random, const policy::NetworkPolicy& policy) {
  json tree = json::parse(toJson(kube::Object(policy)));
  Speller(random).respell(tree.at("spec"));
  return tree.dump();
}

}  // namespace kpol::test
