// SPDX-License-Identifier: Apache-2.0
#include "conf/conflist.hpp"

#include "conf/config_error.hpp"
#include "conf/network_config.hpp"

#include <nlohmann/json.hpp>

namespace kpol::conf {
namespace {

// Fields stand in the order in which the documentation has them.
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
  // What the plugin does with it: docs/cni-plugin.md.
  plugin["capabilities"] = {
      {"portMappings", true}, {"bandwidth", true}, {"ips", true}, {"mac", true}};
  return plugin;
}

// The very reader that the plugin has.
void expectUsable(OrderedJson plugin) {
  plugin["cniVersion"] = "1.0.0";
  plugin["name"] = Conflist::kNetwork;
  static_cast<void>(parseNetworkConfig(plugin.dump()));
}

}  // namespace

std::string print(const Conflist& conflist) {
  const auto plugin = pluginOf(conflist);
  expectUsable(plugin);
  // containerd before 2.0 refuses results of 1.1.0 and knows no cniVersions; newer runtimes choose
  // the newest that both know.
  const OrderedJson json{{"cniVersion", "1.0.0"},
                         {"cniVersions", {"0.4.0", "1.0.0", "1.1.0"}},
                         {"name", Conflist::kNetwork},
                         {"plugins", OrderedJson::array({plugin})}};
  return json.dump(2) + "\n";
}

}  // namespace kpol::conf
