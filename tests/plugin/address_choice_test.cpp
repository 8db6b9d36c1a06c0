// SPDX-License-Identifier: Apache-2.0
#include "plugin/address_choice.hpp"

#include "conf/network_config.hpp"
#include "tests/plugin/requests.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kpol::plugin {
namespace {

using base::IpAddress;
using test::cniErrorOf;
using test::ip;

std::vector<conf::IpRangeSet> ranges(const std::string& json) {
  return conf::parseNetworkConfig(
             R"({"cniVersion":"1.0.0","name":"n","ipam":{"type":"kpol","ranges":)" + json + "}}")
      .ipam.ranges;
}

std::vector<IpAddress> ips(const std::vector<const char*>& texts) {
  std::vector<IpAddress> result;
  for (const char* text : texts) result.push_back(ip(text));
  return result;
}

struct ChoiceCase {
  const char* ranges;
  std::vector<const char*> taken;
  std::vector<const char*> last;
  std::vector<const char*> requested;
  std::vector<const char*> expected;
};

std::vector<IpAddress> choose(const ChoiceCase& c) {
  const auto sets = ranges(c.ranges);
  const auto taken = ips(c.taken);
  return chooseAddresses({sets, {taken.begin(), taken.end()}, ips(c.last), ips(c.requested)});
}

TEST(ChooseAddresses, RestingAddressesAreUsedLastAndInTheOrderInWhichTheyWereFreed) {
  const auto sets = ranges(R"([["10.0.0.0/29"],["fd00::/126"]])");
  AddressChoice choice{sets, {}, {ip("10.0.0.3"), ip("fd00::1")}, {}};
  choice.resting = {
      {ip("10.0.0.4"), 30}, {ip("10.0.0.5"), 20}, {ip("fd00::2"), 30}, {ip("192.0.2.1"), 1}};
  EXPECT_EQ(chooseAddresses(choice), (ips({"10.0.0.6", "fd00::3"})));
  for (const char* taken : {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.6", "fd00::1", "fd00::3"})
    choice.taken.insert(ip(taken));
  EXPECT_EQ(chooseAddresses(choice), (ips({"10.0.0.5", "fd00::2"})));
  choice.taken.insert(ip("10.0.0.5"));
  EXPECT_EQ(chooseAddresses(choice), (ips({"10.0.0.4", "fd00::2"})));
  choice.taken.insert(ip("fd00::2"));
  EXPECT_EQ(cniErrorOf([&] { (void)chooseAddresses(choice); }).code,
            static_cast<unsigned>(conf::CniCode::AddressUnavailable));
  choice.taken.erase(ip("fd00::2"));
  choice.taken.erase(ip("10.0.0.1"));
  choice.requested = {ip("10.0.0.4")};
  EXPECT_EQ(chooseAddresses(choice), (ips({"10.0.0.4", "fd00::2"}))) << "as requested";
}

TEST(ChooseAddresses, ReturnsTheNextFreeAddressOfEachSet) {
  for (
      const auto& c : {
          // The first address if none was assigned before.
          ChoiceCase{R"([["10.0.0.0/29"]])", {}, {}, {}, {"10.0.0.1"}},
          ChoiceCase{R"([["10.0.0.0/29"],["fd00::/64"]])", {}, {}, {}, {"10.0.0.1", "fd00::1"}},
          // After the last one, whether it is still held or not.
          ChoiceCase{R"([["10.0.0.0/29"]])", {}, {"10.0.0.1"}, {}, {"10.0.0.2"}},
          ChoiceCase{
              R"([["10.0.0.0/29"]])", {"10.0.0.2", "10.0.0.3"}, {"10.0.0.1"}, {}, {"10.0.0.4"}},
          // Around the end; never network or broadcast.
          ChoiceCase{R"([["10.0.0.0/29"]])", {}, {"10.0.0.6"}, {}, {"10.0.0.1"}},
          ChoiceCase{
              R"([["10.0.0.0/29"]])", {"10.0.0.6", "10.0.0.1"}, {"10.0.0.5"}, {}, {"10.0.0.2"}},
          // The last assigned address is the last to be reused.
          ChoiceCase{R"([["10.0.0.0/30"]])", {"10.0.0.1"}, {"10.0.0.2"}, {}, {"10.0.0.2"}},
          // Gateways are passed over.
          ChoiceCase{
              R"([[{"subnet":"10.0.0.0/29","gateway":"10.0.0.1"}]])", {}, {}, {}, {"10.0.0.2"}},
          ChoiceCase{R"([[{"subnet":"10.0.0.0/29","gateway":"10.0.0.4"}]])",
                     {},
                     {"10.0.0.3"},
                     {},
                     {"10.0.0.5"}},
          // From range to range of a set, and around.
          ChoiceCase{
              R"([["10.0.0.0/30","10.0.1.0/30"]])", {"10.0.0.1"}, {"10.0.0.2"}, {}, {"10.0.1.1"}},
          ChoiceCase{R"([["10.0.0.0/30","10.0.1.0/30"]])", {}, {"10.0.1.2"}, {}, {"10.0.0.1"}},
          ChoiceCase{R"([["10.0.0.0/30","10.0.1.0/30"]])",
                     {"10.0.0.1", "10.0.1.1", "10.0.1.2"},
                     {"10.0.0.1"},
                     {},
                     {"10.0.0.2"}},
          // The config has changed, so start again.
          ChoiceCase{R"([["10.0.0.0/29"]])", {}, {"10.9.9.9"}, {}, {"10.0.0.1"}},
          ChoiceCase{
              R"([["10.0.0.0/29"],["fd00::/64"]])", {}, {"10.0.0.3"}, {}, {"10.0.0.4", "fd00::1"}},
          // Past the end of the address space.
          ChoiceCase{R"([["255.255.255.0/24"]])", {}, {"255.255.255.254"}, {}, {"255.255.255.1"}},
          ChoiceCase{
              R"([[{"subnet":"ffff::/16","rangeStart":"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"}]])",
              {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe"},
              {},
              {},
              {"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}},
          // Requested ones, in any order, and the rest chosen.
          ChoiceCase{R"([["10.0.0.0/29"],["fd00::/64"]])",
                     {},
                     {"10.0.0.1", "fd00::1"},
                     {"fd00::9", "10.0.0.1"},
                     {"10.0.0.1", "fd00::9"}},
          ChoiceCase{
              R"([["10.0.0.0/29"],["fd00::/64"]])", {}, {}, {"fd00::9"}, {"10.0.0.1", "fd00::9"}},
      })
    EXPECT_EQ(choose(c), ips(c.expected)) << c.ranges << " expecting " << c.expected.front();
}

TEST(ChooseAddresses, ReturnsEveryAddressOncePerRound) {
  const auto sets = ranges(R"([[{"subnet":"10.0.0.0/28","gateway":"10.0.0.9"},"10.0.1.0/29"]])");
  AddressChoice choice{sets, {}, {}, {}};
  std::vector<IpAddress> given;
  for (int i = 0; i < 13 + 6; ++i) {
    given.push_back(chooseAddresses(choice).front());
    choice.lastGiven = {given.back()};
    EXPECT_TRUE(choice.taken.insert(given.back()).second) << toString(given.back());
  }
  EXPECT_EQ(given.front(), ip("10.0.0.1"));
  EXPECT_EQ(given.back(), ip("10.0.1.6"));
  EXPECT_FALSE(choice.taken.contains(ip("10.0.0.9")));
  EXPECT_THROW((void)chooseAddresses(choice), conf::CniFailure);
}

TEST(ChooseAddresses, ErrorsHaveCounts) {
  struct Refusal {
    ChoiceCase c;
    const char* msg;
  };
  for (const auto& [c, msg] : {
           Refusal{{R"([["10.0.0.0/30"]])", {"10.0.0.1", "10.0.0.2", "10.9.0.1"}, {}, {}, {}},
                   "no address is free: 10.0.0.0/30 2 of 2 in use"},
           Refusal{{R"([[{"subnet":"10.0.0.0/30","gateway":"10.0.0.1"}]])",
                    {"10.0.0.2"},
                    {"10.0.0.2"},
                    {},
                    {}},
                   "no address is free: 10.0.0.0/30 1 of 1 in use"},
           Refusal{{R"([["10.0.0.0/24"],["fd00::/126","fd00::8/126"]])",
                    {"fd00::1", "fd00::2", "fd00::3", "fd00::9", "fd00::a", "fd00::b"},
                    {},
                    {},
                    {}},
                   "no address is free: fd00::/126 3 of 3, fd00::8/126 3 of 3 in use"},
           Refusal{{R"([["10.0.0.0/24"]])", {"10.0.0.9"}, {}, {"10.0.0.9"}, {}},
                   "the requested address 10.0.0.9 is in use"},
           Refusal{{R"([["10.0.0.0/24"]])", {}, {}, {"10.0.1.9"}, {}},
                   "the requested address 10.0.1.9 is in none of ipam.ranges"},
           Refusal{{R"([["10.0.0.0/24"]])", {}, {}, {"10.0.0.255"}, {}},
                   "the requested address 10.0.0.255 is in none of ipam.ranges"},
           Refusal{{R"([["10.0.0.0/24"]])", {}, {}, {"10.0.0.1", "10.0.0.2"}, {}},
                   "two addresses are requested from 10.0.0.0/24"},
       }) {
    const auto error = cniErrorOf([&, &situation = c] { (void)choose(situation); });
    EXPECT_EQ(error.code, static_cast<unsigned>(conf::CniCode::AddressUnavailable));
    EXPECT_EQ(error.msg, msg);
    EXPECT_NE(error.details, "");
  }
}

}  // namespace
}  // namespace kpol::plugin
