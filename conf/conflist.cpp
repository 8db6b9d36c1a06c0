// SPDX-License-Identifier: Apache-2.0
#include "conf/conflist.hpp"

#include "conf/config_error.hpp"
#include "conf/network_config.hpp"

#include <nlohmann/json.hpp>

namespace kpol::conf {
namespace {

// Keeps the fields in the order of the documentation.
using OrderedJson = nlohmann::ordered_json;

OrderedJson pluginOf(const Conflist& conflist) {
  auto ranges = OrderedJson::array();
  for (const auto& range : conflist.ranges) ranges.push_back({toString(range)});
  OrderedJson plugin{{"type", "kpol"}};
  if (conflist.mtu != 0) plugin["mtu"] = conflist.mtu;
  plugin["ipam"] = {{"type", "kpol"}, {"ranges", ranges}};
  plugin["stateDir"] = conflist.stateDir;
  plugin["socket"] = conflist.socket;
  plugin["policy"] = "required";
  // The capabilities are described in docs/cni-plugin.md.
  plugin["capabilities"] = {
      {"portMappings", true}, {"bandwidth", true}, {"ips", true}, {"mac", true}};
  return plugin;
}

// Validates the config with the parser that the plugin uses.
void expectUsable(OrderedJson plugin) {
  plugin["cniVersion"] = "1.0.0";
  plugin["name"] = Conflist::kNetwork;
  static_cast<void>(parseNetworkConfig(plugin.dump()));
}

}  // namespace

std::string print(const Conflist& conflist) {
  const auto plugin = pluginOf(conflist);
  expectUsable(plugin);
  // containerd before 2.0 rejects results of 1.1.0 and ignores cniVersions. Newer runtimes choose
  // the newest version that both support.
  const OrderedJson json{{"cniVersion", "1.0.0"},
                         {"cniVersions", {"0.4.0", "1.0.0", "1.1.0"}},
                         {"name", Conflist::kNetwork},
                         {"plugins", OrderedJson::array({plugin})}};
  return json.dump(2) + "\n";
}

}  // namespace kpol::conf
