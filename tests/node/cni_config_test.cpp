// SPDX-License-Identifier: Apache-2.0
#include "node/cni_config.hpp"

#include "conf/config_error.hpp"
#include "ipam/lease_store.hpp"
#include "node/atomic_file.hpp"
#include "tests/plugin/temporary_directory.hpp"
#include "tests/support/addresses.hpp"

#include <gtest/gtest.h>

namespace kpol::node {
namespace {

using test::prefix;

class CniConfigFile : public testing::Test {
 protected:
  [[nodiscard]] conf::Conflist wanting(std::vector<base::Prefix> ranges) const {
    return {std::move(ranges), 0, directory_.file("state"), "/s"};
  }
  // "", or why it was kept.
  std::string keep(const conf::Conflist& wanted) {
    const auto outcome = keepConflist(directory_.file("net.d"), wanted);
    const auto* kept = std::get_if<ConflistKept>(&outcome);
    if (kept == nullptr) changed_ = std::get<ConflistHolds>(outcome).changed;
    return kept == nullptr ? "" : kept->why;
  }
  void lease(const std::string& name, const char* address, const std::string& network = "kpol") {
    ipam::LeaseStore::open(directory_.file("state"))
        .add({{name, "eth0"},
              network,
              {"shop", name},
              1,
              {base::IpAddress::parse(address).value()}});
  }
  void release(const std::string& name) {
    ipam::LeaseStore::open(directory_.file("state")).remove({name, "eth0"});
  }
  [[nodiscard]] std::optional<std::string> file() const {
    return readFile(directory_.file("net.d/10-kpol.conflist"));
  }

  test::TemporaryDirectory directory_;
  bool changed_ = false;
};

TEST_F(CniConfigFile, AnotherConfigThatSortsBeforeIsFound) {
  const auto before = [this] { return configBefore(directory_.file("net.d")); };
  const auto write = [this](const std::string& name) {
    test::writeFile(directory_.file("net.d/" + name), "{}");
  };
  EXPECT_EQ(before(), std::nullopt) << "without the directory";
  for (const char* name : {"10-kpol.conflist", "10-kube.conf", "99-loopback.conf", "05-readme.txt",
                           ".05-x.conflist.kpol-1", "100-crio-bridge.conflist"})
    write(name);
  std::filesystem::create_directories(directory_.file("net.d/00-folder.conf"));
  EXPECT_EQ(before(), std::nullopt);
  write("10-flannel.conflist");
  EXPECT_EQ(before(), "10-flannel.conflist");
  write("05-old.json");
  write("06-old.conf");
  EXPECT_EQ(before(), "05-old.json");
}

TEST_F(CniConfigFile, IsWrittenOnceAndRestored) {
  const auto wanted = wanting({prefix("10.1.0.0/24"), prefix("fd00::/64")});
  EXPECT_EQ(keep(wanted), "");
  EXPECT_TRUE(changed_);
  EXPECT_EQ(file(), print(wanted));
  EXPECT_EQ(keep(wanted), "");
  EXPECT_FALSE(changed_);
  test::writeFile(directory_.file("net.d/10-kpol.conflist"), "{}");
  EXPECT_EQ(keep(wanted), "");
  EXPECT_TRUE(changed_);
  EXPECT_EQ(file(), print(wanted));
}

TEST_F(CniConfigFile, IsNotChangedWhilePodsHaveOtherAddresses) {
  const auto before = wanting({prefix("10.1.0.0/24")});
  const auto after = wanting({prefix("10.2.0.0/24")});
  ASSERT_EQ(keep(before), "");
  lease("a", "10.1.0.7");
  EXPECT_EQ(keep(after),
            "the node's pod CIDRs are now 10.2.0.0/24, but pods have other addresses: 10.1.0.7 "
            "(shop/a); drain the node, then kpold writes the new ranges");
  lease("b", "10.1.0.8");
  EXPECT_NE(keep(after).find("10.1.0.7 (shop/a) and 1 more"), std::string::npos);
  EXPECT_EQ(file(), print(before));
  // Other changes are written once the ranges contain the addresses of all pods.
  EXPECT_EQ(keep(wanting({prefix("10.0.0.0/8")})), "");
  release("a");
  release("b");
  EXPECT_EQ(keep(after), "");
  EXPECT_EQ(file(), print(after));
}

TEST_F(CniConfigFile, IgnoresAddressesOfOtherNetworks) {
  lease("a", "192.0.2.7", "other");
  EXPECT_EQ(keep(wanting({prefix("10.2.0.0/24")})), "");
}

TEST_F(CniConfigFile, IsNotWrittenIfInvalidForThePlugin) {
  EXPECT_THROW(keep(wanting({prefix("10.2.0.1/32")})), conf::ConfigError);
  EXPECT_EQ(file(), std::nullopt);
}

}  // namespace
}  // namespace kpol::node
