// SPDX-License-Identifier: Apache-2.0
#include "plugin/ipam.hpp"

#include "tests/plugin/requests.hpp"
#include "tests/plugin/temporary_directory.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <ctime>
#include <filesystem>

namespace kpol::plugin {
namespace {

using conf::CniCode;
using test::cniErrorOf;
using test::ip;
using test::readFile;
using test::requestFor;
using test::TemporaryDirectory;
using test::writeFile;

unsigned number(CniCode code) {
  return static_cast<unsigned>(code);
}

class BuiltInIpam : public testing::Test {
 protected:
  [[nodiscard]] Request request(const std::string& id, const std::string& network = "pods") const {
    return requestFor(id, R"({"cniVersion":"1.0.0","name":")" + network + R"(","stateDir":")" +
                              directory_.path() + R"(","ipam":{"type":"kpol",
                              "ranges":[["10.0.0.0/29"],["fd00::/125"]]}})");
  }
  TemporaryDirectory directory_;
};

TEST_F(BuiltInIpam, AssignsOneAddressOfEachSetAndRecordsIt) {
  EXPECT_EQ(assign(request("c1")).ips, (std::vector{ip("10.0.0.1"), ip("fd00::1")}));
  EXPECT_EQ(assign(request("c2")).ips, (std::vector{ip("10.0.0.2"), ip("fd00::2")}));
  const auto leases = ipam::LeaseStore::open(directory_.path()).leases();
  ASSERT_EQ(leases.size(), 2U);
  const auto& lease = leases.at({"c1", "eth0"});
  EXPECT_EQ(lease.network, "pods");
  EXPECT_EQ(lease.pod, (base::ObjectKey{"shop", "c1"}));
  EXPECT_GT(lease.time, 1700000000);
}

TEST_F(BuiltInIpam, ReusesAFreedAddressOnlyAfterAllOthers) {
  assign(request("c1"));
  release(request("c1"));
  for (int i = 2; i <= 6; ++i)
    EXPECT_EQ(assign(request("c" + std::to_string(i))).ips.front(),
              ip("10.0.0." + std::to_string(i)));
  EXPECT_EQ(assign(request("c7")).ips.front(), ip("10.0.0.1"));
}

TEST_F(BuiltInIpam, AnAddressThatHasJustBeenFreedRests) {
  for (int i = 1; i <= 6; ++i) assign(request("c" + std::to_string(i)));
  release(request("c1"));
  release(request("c2"));
  const auto file = directory_.file("ipam/leases");
  writeFile(file, readFile(file) + ipam::restLine({ip("10.0.0.2"), ip("fd00::2")},
                                                  std::time(nullptr) - ipam::kRestSeconds));
  EXPECT_EQ(assign(request("c7")).ips, (std::vector{ip("10.0.0.2"), ip("fd00::7")}));
  EXPECT_EQ(assign(request("c8")).ips, (std::vector{ip("10.0.0.1"), ip("fd00::2")}));
}

TEST_F(BuiltInIpam, RejectsASecondAddOfTheSameInterface) {
  const auto first = assign(request("c1")).ips;
  const auto error = cniErrorOf([&] { (void)assign(request("c1")); });
  EXPECT_EQ(error.code, number(CniCode::AlreadyAttached));
  EXPECT_EQ(error.msg, "container c1 interface eth0 already has addresses");
  EXPECT_EQ(ipam::LeaseStore::open(directory_.path()).leases().at({"c1", "eth0"}).addresses, first);
  auto second = request("c1");
  second.env.ifName = base::IfName::parse("eth1");
  EXPECT_EQ(assign(second).ips.front(), ip("10.0.0.2"));
}

TEST_F(BuiltInIpam, AssignsNoAddressToTwoNetworks) {
  EXPECT_EQ(assign(request("c1", "pods")).ips.front(), ip("10.0.0.1"));
  EXPECT_EQ(assign(request("c2", "others")).ips.front(), ip("10.0.0.2"));
}

TEST_F(BuiltInIpam, AssignsRequestedAddresses) {
  auto wanted = request("c1");
  wanted.env.args.ips = {ip("10.0.0.4")};
  wanted.config.requestedIps = {ip("fd00::6"), ip("10.0.0.4")};  // both may request the same
  EXPECT_EQ(assign(wanted).ips, (std::vector{ip("10.0.0.4"), ip("fd00::6")}));
  auto same = request("c2");
  same.env.args.ips = {ip("10.0.0.4")};
  EXPECT_EQ(cniErrorOf([&] { (void)assign(same); }).code, number(CniCode::AddressUnavailable));
  EXPECT_FALSE(ipam::LeaseStore::open(directory_.path()).leases().contains({"c2", "eth0"}));
}

TEST_F(BuiltInIpam, RecordsItsRanges) {
  assign(request("c1"));
  EXPECT_EQ(ipam::readLeases(directory_.path()).ranges.at("pods"),
            request("c1").config.ipam.ranges);
}

TEST_F(BuiltInIpam, ReusesAPendingReleaseOnlyAfterItsDeletion) {
  for (int i = 1; i <= 6; ++i) assign(request("c" + std::to_string(i)));
  const auto departed = [&](const std::string& id) {
    EXPECT_TRUE(ipam::LeaseStore::open(directory_.path()).depart({id, "eth0"}, {}));
  };
  departed("c3");
  EXPECT_EQ(assign(request("c7")).ips.front(), ip("10.0.0.3")) << "settled by the one who needs it";
  EXPECT_TRUE(ipam::readLeases(directory_.path()).departures.empty());
  departed("c4");
  auto wanted = request("c8");
  wanted.env.args.ips = {ip("10.0.0.4")};
  EXPECT_EQ(assign(wanted).ips.front(), ip("10.0.0.4"));
}

TEST_F(BuiltInIpam, ReleasesAnEarlierAttachmentOfTheContainerFirst) {
  assign(request("c1"));
  EXPECT_TRUE(ipam::LeaseStore::open(directory_.path()).depart({"c1", "eth0"}, {}));
  EXPECT_EQ(assign(request("c1")).ips.front(), ip("10.0.0.2"));
  EXPECT_TRUE(ipam::readLeases(directory_.path()).departures.empty());
}

TEST_F(BuiltInIpam, ReleaseMayBeRepeated) {
  assign(request("c1"));
  release(request("c1"));
  release(request("c1"));
  release(request("never-there"));
  EXPECT_TRUE(ipam::LeaseStore::open(directory_.path()).leases().empty());
}

TEST_F(BuiltInIpam, CheckComparesTheLease) {
  const auto ips = assign(request("c1")).ips;
  EXPECT_NO_THROW(verifyHeld(request("c1"), {ips[1], ips[0]}));
  EXPECT_EQ(cniErrorOf([&] { verifyHeld(request("c1"), {ips[0]}); }).code,
            number(CniCode::CheckFailed));
  EXPECT_EQ(
      cniErrorOf([&] { verifyHeld(request("c2"), ips); }),
      (conf::CniError{number(CniCode::CheckFailed), "container c2 interface eth0 has no lease",
                      "delete and recreate the pod"}));
}

// The calls of a delegated plugin, which writes each command it got to a file.
class DelegatedIpam : public testing::Test {
 protected:
  DelegatedIpam() : sigpipe_(::signal(SIGPIPE, SIG_IGN)) {}  // as main does
  ~DelegatedIpam() override { ::signal(SIGPIPE, sigpipe_); }

  void install(const std::string& script) {
    const auto path = directory_.file("bin/fake");
    writeFile(path, "#!/bin/sh\necho $CNI_COMMAND >> " + directory_.file("calls") + "\n" + script);
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }
  [[nodiscard]] Request request() const {
    auto result = requestFor("c1", R"({"cniVersion":"1.0.0","name":"n","ipam":{"type":"fake"}})");
    result.env.path = {directory_.file("bin")};
    return result;
  }
  [[nodiscard]] std::string calls() const { return readFile(directory_.file("calls")); }

  TemporaryDirectory directory_;
  sighandler_t sigpipe_;
};

TEST_F(DelegatedIpam, ReturnsItsAddressesAndDns) {
  install(R"(echo '{"cniVersion":"1.0.0","ips":[{"address":"10.9.0.7/16","gateway":"10.9.0.1"},
                    {"address":"fd09::7/64"}],"dns":{"nameservers":["10.9.0.2"]}}')");
  const auto assignment = assign(request());
  EXPECT_EQ(assignment.ips, (std::vector{ip("10.9.0.7"), ip("fd09::7")}));
  EXPECT_EQ(assignment.dns.nameservers, std::vector<std::string>{"10.9.0.2"});
}

TEST_F(DelegatedIpam, IsCalledForEveryVerb) {
  install(R"(echo '{"ips":[{"address":"10.9.0.7/16"}]}')");
  assign(request());
  verifyHeld(request(), {});
  release(request());
  EXPECT_EQ(calls(), "ADD\nCHECK\nDEL\n");
}

TEST_F(DelegatedIpam, UnusableResultIsReleased) {
  for (const char* output : {"", "hello", R"({"ips":[]})", R"({"ips":[{"address":"10.9.0.7"}]})"}) {
    std::filesystem::remove(directory_.file("calls"));
    install(std::string("echo '") + output + "'");
    const auto error = cniErrorOf([&] { (void)assign(request()); });
    EXPECT_EQ(error.code, number(CniCode::Ipam)) << output;
    EXPECT_THAT(error.msg, testing::StartsWith("IPAM plugin fake: ")) << output;
    EXPECT_EQ(calls(), "ADD\nDEL\n");
  }
}

}  // namespace
}  // namespace kpol::plugin
