// SPDX-License-Identifier: Apache-2.0
#include "conf/conflist.hpp"

#include "conf/config_error.hpp"
#include "conf/network_config.hpp"
#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace kpol::conf {
namespace {

using test::prefix;

Conflist dual() {
  return {{prefix("10.244.1.0/24"), prefix("fd00:10:244:1::/64")},
          1450,
          "/var/lib/kpol",
          "/run/kpol/kpold.sock"};
}

TEST(Conflist, PrintsTheDocumentedFile) {
  EXPECT_EQ(print(dual()), R"({
  "cniVersion": "1.0.0",
  "cniVersions": [
    "0.4.0",
    "1.0.0",
    "1.1.0"
  ],
  "name": "kpol",
  "plugins": [
    {
      "type": "kpol",
      "mtu": 1450,
      "ipam": {
        "type": "kpol",
        "ranges": [
          [
            "10.244.1.0/24"
          ],
          [
            "fd00:10:244:1::/64"
          ]
        ]
      },
      "stateDir": "/var/lib/kpol",
      "socket": "/run/kpol/kpold.sock",
      "policy": "required",
      "capabilities": {
        "portMappings": true,
        "bandwidth": true,
        "ips": true,
        "mac": true
      }
    }
  ]
}
)");
}

// As a runtime does: the plugin's part, with the list's name and version.
NetworkConfig asThePluginReadsIt(const Conflist& conflist) {
  const auto list = nlohmann::json::parse(print(conflist));
  auto plugin = list.at("plugins").at(0);
  plugin["name"] = list.at("name");
  plugin["cniVersion"] = list.at("cniVersion");
  return parseNetworkConfig(plugin.dump());
}

TEST(Conflist, IsParsedByThePlugin) {
  auto conflist = dual();
  conflist.stateDir = "/a \"quoted\" place";
  const auto config = asThePluginReadsIt(conflist);
  EXPECT_EQ(config.name, "kpol");
  EXPECT_EQ(config.mtu, 1450U);
  EXPECT_EQ(config.stateDir, conflist.stateDir);
  EXPECT_EQ(config.socket, conflist.socket);
  EXPECT_EQ(config.policy, PolicyMode::Required);
  EXPECT_EQ(config.ipam.type, "kpol");
  ASSERT_EQ(config.ipam.ranges.size(), 2U);
  EXPECT_EQ(config.ipam.ranges[0].at(0).subnet, conflist.ranges[0]);
  EXPECT_EQ(config.ipam.ranges[1].at(0).subnet, conflist.ranges[1]);
}

TEST(Conflist, OmitsAnUnknownMtu) {
  auto conflist = dual();
  conflist.mtu = 0;
  EXPECT_EQ(print(conflist).find("mtu"), std::string::npos);
  EXPECT_EQ(asThePluginReadsIt(conflist).mtu, 0U);
}

TEST(Conflist, IsRejectedIfThePluginWouldRejectIt) {
  auto conflist = dual();
  conflist.ranges = {prefix("10.244.1.1/32")};
  EXPECT_THROW(print(conflist), ConfigError);
  conflist.ranges = {};
  EXPECT_THROW(print(conflist), ConfigError);
  conflist.ranges = {prefix("10.244.1.0/24"), prefix("10.244.1.128/25")};
  EXPECT_THROW(print(conflist), ConfigError);
}

}  // namespace
}  // namespace kpol::conf
